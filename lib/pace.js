'use strict'

// Spreads a burst of calls over several turns of the event loop.
//
// Starting a call takes some microseconds on the JavaScript thread, so thousands of calls at once would hold up the event
// loop. The first calls of a turn start at once; further ones are queued, and start in later turns, in order.

/** Maximum number of calls that start in one turn. */
const CALLS_PER_TURN = 64

let started = 0
/** The immediate that begins the next turn. */
let immediate
/** Calls that wait, from `next` on. */
let queue = []
let next = 0
/** Returns a function that runs another one in the current asynchronous context; `undefined` where that changes nothing. */
let capture = () => undefined

/** Replaces a method by one that queues calls when too many start in one turn. */
function paced(start) {
  return function (first, second) {
    if (next === queue.length && started < CALLS_PER_TURN) {
      started += 1
      schedule()
      return start.call(this, first, second)
    }
    return new Promise((resolve, reject) => {
      queue.push({ start, object: this, first, second, run: capture(), resolve, reject })
      schedule()
      // Waiting calls keep the process alive.
      if (queue.length - next === 1) immediate.ref?.()
    })
  }
}

/** Sets how the asynchronous context of a queued call is kept; see `lib/locks.js`. */
function setCapture(function_) {
  capture = function_
}

module.exports = { paced, setCapture }

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
