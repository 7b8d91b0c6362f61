// @ts-check
'use strict'

// Measures the cost of events without a sink. There is no build without events, so a process that never had a sink is
// compared with one whose sink was removed and with one that has a sink. The difference between two processes that never had
// one is the smallest difference that can be measured.

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
