'use strict'

// Runs checks and prints a line for each.

const total = { passed: 0, failed: 0 }

/**
 * Runs a check and prints its result.
 *
 * @param {string} what
 * @param {() => unknown} work the check fails if it throws or rejects
 */
async function check(what, work) {
  try {
    await work()
    total.passed += 1
    console.log(`ok      ${what}`)
  } catch (error) {
    total.failed += 1
    console.log(`FAILED  ${what}: ${error.stack}`)
  }
}

module.exports = { check, total }
