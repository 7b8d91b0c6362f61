// @ts-check
'use strict'

// The cost of events while no sink is set. There is no build without events to compare with, so a process that never had a
// sink is compared with one whose sink was removed and one with a sink. The difference between two processes that never had
// one shows the smallest difference that could be seen at all.

const { compare } = require('./compare.js')
const { inFreshProcesses } = require('./fresh.js')
const { inputOf } = require('./process.js')

/**
 * @param {import('./files.js').Context} context
 * @returns {AsyncGenerator<import('./compare.js').Measurement>}
 */
async function* measureTelemetry({ fixtures, quick }) {
  const input = await inputOf(await fixtures.files(50))
  yield compare({
    id: 'telemetry',
    part: 'files',
    label: 'get, warm, 100 bytes, by state of the log',
    contestants: inFreshProcesses('telemetry', ['never', 'never-again', 'removed', 'on'], input),
    rounds: quick ? 3 : 15,
  })
}

module.exports = { measureTelemetry }
