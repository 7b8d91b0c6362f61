'use strict'

// Spreads a burst of calls over several turns of the event loop.
//
// Starting a call takes some microseconds on the JavaScript thread, so starting thousands of calls at once would block the
// event loop. The first calls of a turn start at once. Further calls are queued and start in later turns, in order.

/** Maximum number of calls that start in one turn. */
const CALLS_PER_TURN = 64

let started = 0
/** The immediate that starts the next turn. */
let immediate
/** The queued calls. Those before index `next` have started. */
let queue = []
let next = 0
/**
 * Returns a function that calls another function in the current asynchronous context; `undefined` if none is needed. Not set
 * before the first lock.
 */
let capture

/** Returns a method that calls `start`, and queues calls if too many start in one turn. */
function paced(start) {
  return function (first, second) {
    if (next === queue.length && started < CALLS_PER_TURN) {
      started += 1
      schedule()
      return start.call(this, first, second)
    }
    return new Promise((resolve, reject) => {
      queue.push({ start, object: this, first, second, run: capture?.(), resolve, reject })
      schedule()
      // Queued calls keep the process alive.
      if (queue.length - next === 1) immediate.ref?.()
    })
  }
}

/** Sets the function that captures the asynchronous context of a queued call; see `lib/lock-context.js`. */
function setCapture(function_) {
  capture = function_
}

/** Returns whether there are asynchronous contexts to capture. */
function hasContexts() {
  return capture !== undefined
}

module.exports = { hasContexts, paced, setCapture }

function schedule() {
  if (immediate !== undefined) return
  immediate = setImmediate(drain)
  immediate.unref?.()
}

function drain() {
  immediate = undefined
  started = 0
  while (next < queue.length && started < CALLS_PER_TURN) {
    started += 1
    startQueued(queue[next])
    queue[next] = undefined
    next += 1
  }
  if (next < queue.length) {
    schedule()
    immediate.ref?.()
  } else if (next > 0) {
    queue = []
    next = 0
  }
}

function startQueued({ start, object, first, second, run, resolve, reject }) {
  try {
    resolve(run === undefined ? start.call(object, first, second) : run(() => start.call(object, first, second)))
  } catch (error) {
    reject(error)
  }
}
