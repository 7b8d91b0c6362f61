// @ts-check
'use strict'

// Measures the delay of the event loop.

const { monitorEventLoopDelay } = require('node:perf_hooks')

/** The interval of the measured timer, in milliseconds. */
const RESOLUTION = 1

/**
 * Runs work and resolves to the delay of a timer during it, in milliseconds: the 99th percentile and the maximum.
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
  // A delay caused by the last call is measured at the next timer.
  await pause()
  delay.disable()
  // The monitor reports intervals, which include the resolution.
  return [delay.percentile(99), delay.max].map((nanoseconds) => Math.max(nanoseconds / 1e6 - RESOLUTION, 0))
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, 5))
}

module.exports = { eventLoopDelay, pause }
