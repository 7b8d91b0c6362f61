'use strict'

// The contract tests below __test__, on a runtime of choice, and how they went.

const { run } = require('./run.js')

/**
 * @param {string[]} runtime what vitest's script is given to
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
async function contractTests([program, ...args], env = process.env) {
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--no-color']
  const { code, output } = await run(program, [...args, ...vitest], { mayFail: true, env })
  const tests = /^ *Tests .*$/m.exec(output)?.[0] ?? ''
  const number = (what) => Number(new RegExp(`(\\d+) ${what}`).exec(tests)?.[1] ?? 0)
  return settle(code, { passed: number('passed'), failed: number('failed'), skipped: number('skipped') })
}

/**
 * A runner that failed without naming a test failed all the same, and so did one that ran none.
 *
 * @template {{ passed: number, failed: number }} Counts
 * @param {number} code the runner's exit code
 * @param {Counts} counts
 * @returns {Counts}
 */
function settle(code, counts) {
  const silent = counts.failed === 0 && (code !== 0 || counts.passed === 0)
  return silent ? { ...counts, failed: 1 } : counts
}

module.exports = { contractTests, settle }
