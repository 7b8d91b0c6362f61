// @ts-check
'use strict'

// Measures for how long the event loop is held up.

const { monitorEventLoopDelay } = require('node:perf_hooks')

/** The interval of the timer that is watched, in milliseconds. */
const RESOLUTION = 1

/**
 * Runs work and returns how late a timer fired meanwhile, in milliseconds: the 99th percentile and the maximum.
 *
 * @param {() => unknown} work
 * @returns {Promise<number[]>}
 */
async function eventLoopDelay(work) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION })
  delay.enable()
  await pause()
  delay.reset()
  await work()
  // What the last call held up shows at the next timer.
  await pause()
  delay.disable()
  // The monitor reports intervals, which include the resolution.
  return [delay.percentile(99), delay.max].map((nanoseconds) => Math.max(nanoseconds / 1e6 - RESOLUTION, 0))
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, 5))
}

module.exports = { eventLoopDelay, pause }
