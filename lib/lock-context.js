'use strict'

// The locks that an asynchronous context holds. Nothing is loaded before the first lock.

const { setCapture } = require('./pace.js')

let context

/** Returns the locks of the current context as `{ locks, run }`, where `run` calls a function in it; `null` without any. */
function currentLocks() {
  return context?.getStore() ?? null
}

/** Runs the work in the current context, extended by a lock. */
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
