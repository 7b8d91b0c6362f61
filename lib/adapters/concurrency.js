'use strict'

// Limits for the calls of an adapter: how many run at a time, the order of calls for one key, and the time limit of a call.

const { storeError } = require('./errors.js')

/** Runs at most a given number of jobs at a time. Further jobs wait in order. */
class Semaphore {
  #free
  #waiting = []

  constructor(permits) {
    this.#free = permits
  }

  async run(job) {
    if (this.#free > 0) this.#free -= 1
    else await new Promise((resolve) => this.#waiting.push(resolve))
    try {
      return await job()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free += 1
    }
  }
}

/** Runs the jobs of one key one after the other. */
class KeyedQueue {
  #tails = new Map()

  run(key, job) {
    const before = this.#tails.get(key)
    const result = before ? before.then(job) : job()
    const tail = result.then(
      () => {},
      () => {},
    )
    this.#tails.set(key, tail)
    tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    })
    return result
  }
}

/** Runs a job with a time limit, which starts when `job` is called. */
async function withDeadline(timeoutMs, job) {
  const deadline = new Deadline(timeoutMs)
  try {
    return await job(deadline)
  } finally {
    deadline.clear()
  }
}

/** The time limit of one call. */
class Deadline {
  #controller = new AbortController()
  #end
  #timer

  constructor(timeoutMs) {
    this.timeoutMs = timeoutMs
    this.#end = performance.now() + timeoutMs
    this.#timer = setTimeout(() => this.#controller.abort(), timeoutMs)
  }

  /** The signal that is aborted at the deadline. */
  get signal() {
    return this.#controller.signal
  }

  get isOver() {
    return this.signal.aborted
  }

  get remainingMs() {
    return Math.max(0, this.#end - performance.now())
  }

  /** Waits for a time, at most until the deadline. */
  sleep(milliseconds) {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, milliseconds)
      this.signal.addEventListener('abort', end)
    })
  }

  error(subject, detail = '') {
    return storeError('TIMEOUT', `${subject} did not answer within ${this.timeoutMs} ms${detail}`)
  }

  /** Stops the timer, which would keep the process alive. Must be called at the end of the call. */
  clear() {
    clearTimeout(this.#timer)
  }
}

module.exports = { KeyedQueue, Semaphore, withDeadline }
