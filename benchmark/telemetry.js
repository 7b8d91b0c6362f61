// @ts-check
'use strict'

// What the events cost while nobody listens. There is no build without them to compare with, so: a process that never had a
// sink, against one whose sink was removed, and one with a sink. How far apart two of the first kind are, with nothing
// different between them, says how small a difference could be seen at all.

const { compare } = require('./compare.js')
const { SERVICE, keys } = require('./fixtures.js')
const { inFreshProcesses } = require('./process.js')

/**
 * @param {import('./files.js').Context} context
 * @returns {AsyncGenerator<import('./compare.js').Measurement>}
 */
async function* measureTelemetry({ fixtures, quick }) {
  const input = { directory: await fixtures.files(50), service: SERVICE, key: keys(1)[0] }
  yield compare({
    id: 'telemetry',
    part: 'files',
    label: 'get, warm, 100 bytes, and the log',
    contestants: inFreshProcesses('telemetry', ['never', 'never-again', 'removed', 'on'], input),
    rounds: quick ? 3 : 15,
  })
}

module.exports = { measureTelemetry }
