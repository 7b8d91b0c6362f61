// @ts-check
'use strict'

// Measures the delay of the event loop in fresh processes.

const { rotation, summarize } = require('./compare.js')
const { fresh } = require('./fresh.js')

/**
 * Measures the 99th percentile and the maximum, in the same processes.
 *
 * @param {'lateness' | 'latenessAtOnce'} task
 * @param {string} when
 * @param {string[]} contestants
 * @param {object} input
 * @param {number} rounds
 * @param {string} part
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {AsyncGenerator<import('./compare.js').Measurement>}
 */
async function* latenessOf(task, when, contestants, input, rounds, part, env = {}) {
  /** @type {Map<string, number[][]>} */
  const p99 = new Map(contestants.map((who) => [who, []]))
  /** @type {Map<string, number[][]>} */
  const max = new Map(contestants.map((who) => [who, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const who of rotation(contestants, round)) {
      const [ninetyNine = 0, worst = 0] = await fresh(task, { who, ...input }, env)
      p99.get(who)?.push([ninetyNine])
      max.get(who)?.push([worst])
    }
  }
  const id = `${part}-${task === 'lateness' ? 'lateness' : 'lateness-32'}`
  const figures = { part, unit: 'ms' }
  yield summarize({
    ...figures,
    id: `${id}-p99`,
    label: `event loop, 99th percentile of the delay ${when}`,
    samples: p99,
  })
  yield summarize({ ...figures, id: `${id}-max`, label: `event loop, largest delay ${when}`, samples: max })
}

module.exports = { latenessOf }
