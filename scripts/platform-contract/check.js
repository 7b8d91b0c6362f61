'use strict'

// One line for each thing that holds, or does not.

const total = { passed: 0, failed: 0 }

/**
 * @param {string} what
 * @param {() => unknown} work fails when it throws or rejects
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
