'use strict'

// The locks that the current asynchronous context holds. AsyncLocalStorage is loaded at the first lock.

const { setCapture } = require('./pace.js')

let context

/**
 * Returns `{ locks, run }`, where `run` calls a function in the current context; `null` if the context holds no lock.
 */
function currentLocks() {
  return context?.getStore() ?? null
}

/** Runs the work in a context that holds the locks of the current one and `lock`. */
function runHolding(lock, work) {
  if (context === undefined) {
    const { AsyncLocalStorage } = require('node:async_hooks')
    context = new AsyncLocalStorage()
    setCapture(() => context.getStore()?.run)
  }
  const held = {
    locks: [...(currentLocks()?.locks ?? []), lock],
    run: (call, ...args) => context.run(held, call, ...args),
  }
  return context.run(held, work)
}

module.exports = { currentLocks, runHolding }
