'use strict'

// Runs the contract tests in __test__ and counts their results.

const { run } = require('./run.js')

/**
 * Runs the contract tests on a runtime.
 *
 * @param {string[]} runtime the program that runs vitest, and its arguments
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
async function contractTests([program, ...args], env = process.env) {
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--no-color']
  const { code, output } = await run(program, [...args, ...vitest], { mayFail: true, env })
  const summary = /^ *Tests .*$/m.exec(output)?.[0] ?? ''
  const count = (result) => Number(new RegExp(`(\\d+) ${result}`).exec(summary)?.[1] ?? 0)
  return checkCounts(code, { passed: count('passed'), failed: count('failed'), skipped: count('skipped') })
}

/**
 * Returns the counts. Adds one failure if the runner failed without a failed test, or ran no test.
 *
 * @template {{ passed: number, failed: number }} Counts
 * @param {number} code the exit code of the runner
 * @param {Counts} counts
 * @returns {Counts}
 */
function checkCounts(code, counts) {
  const isUnexplained = counts.failed === 0 && (code !== 0 || counts.passed === 0)
  return isUnexplained ? { ...counts, failed: 1 } : counts
}

module.exports = { checkCounts, contractTests }
