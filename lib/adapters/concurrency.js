'use strict'

// How many calls an adapter has in flight, in which order calls of one key run, and when a call must be over.

const { storeError } = require('./errors.js')

/** Runs at most a given number of jobs at a time; others wait in their order. */
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

  /** Aborted when the time is over. */
  get signal() {
    return this.#controller.signal
  }

  get isOver() {
    return this.signal.aborted
  }

  get remainingMs() {
    return Math.max(0, this.#end - performance.now())
  }

  /** Waits; ends early when the time is over. */
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

  error(who, detail = '') {
    return storeError('TIMEOUT', `${who} did not answer within ${this.timeoutMs} ms${detail}`)
  }

  /** Must be called when the call is over, or the timer keeps the process alive. */
  clear() {
    clearTimeout(this.#timer)
  }
}

/** Runs a job with a time limit; the limit does not count the time before `job` is called. */
async function withDeadline(timeoutMs, job) {
  const deadline = new Deadline(timeoutMs)
  try {
    return await job(deadline)
  } finally {
    deadline.clear()
  }
}

module.exports = { KeyedQueue, Semaphore, withDeadline }
