'use strict'

// `withLock`, `update` and `refreshCredentials`, which run several steps under a lock. Loaded at their first use.

const native = require('./binding.js')
const { requireFunction, requireObject } = require('./checks.js')
const { runHolding } = require('./lock-context.js')
const { startUpdate } = require('./update-versions.js')

/** The maximum number of attempts of `update` when another program changes the value at the same time. */
const MAX_ATTEMPTS = 64

/** The maximum pause between two attempts of `update`, in milliseconds. */
const MAX_PAUSE_MS = 50

/** Credentials that expire within this time are stale by default, in milliseconds. */
const DEFAULT_LEEWAY_MS = 60_000

async function withLock(store, key, work) {
  requireFunction(work, 'work')
  return runLocked(await native.lockKey(store, key, false), work)
}

async function update(store, key, change, SecureStore) {
  requireFunction(change, 'change')
  // A value in files is read by the call that acquires the lock, unless a subclass reads in its own way.
  const readsAsUsual = store.get === SecureStore.prototype.get
  const lock = await native.lockKey(store, key, readsAsUsual)
  return runLocked(lock, async () => {
    for (let attempt = 1; ; attempt += 1) {
      const versions = startUpdate(lock.service, key)
      try {
        const current = lock.hasRead ? lock.takeRead() : await store.get(key)
        const next = await change(current)
        const conflict = await write(store, key, next)
        if (conflict === null) return next === undefined ? current : next
        if (attempt === MAX_ATTEMPTS) throw conflict
      } finally {
        versions.end()
      }
      await pause(attempt)
    }
  })
}

async function refreshCredentials(storage, serverName, refresh, options = {}) {
  requireFunction(refresh, 'refresh')
  requireObject(options, 'options')
  const { isStale, leewayMs = DEFAULT_LEEWAY_MS } = options
  if (isStale !== undefined) requireFunction(isStale, 'options.isStale')
  if (typeof leewayMs !== 'number' || !(leewayMs >= 0)) {
    throw new TypeError('options.leewayMs must be a number of milliseconds, 0 or more')
  }
  const stale = isStale ?? (({ token }) => token.expiresAt !== undefined && token.expiresAt - Date.now() <= leewayMs)
  const found = await storage.getCredentials(serverName)
  if (found === null || !(await stale(found))) return found
  return runLocked(await native.lockCredentials(storage, serverName), async () => {
    // Another process may have refreshed the credentials in the meantime.
    const current = await storage.getCredentials(serverName)
    if (current === null || !(await stale(current))) return current
    const refreshed = await refresh(current)
    if (typeof refreshed !== 'object' || refreshed === null) {
      throw new TypeError('refresh must return credentials')
    }
    const credentials = { ...refreshed, serverName }
    await storage.setCredentials(credentials)
    // Returns the stored credentials, which have the stored `updatedAt`. The refresh succeeded even if they cannot be read.
    const stored = await storage.getCredentials(serverName).catch(() => null)
    return stored ?? { ...credentials, updatedAt: Date.now() }
  })
}

module.exports = { refreshCredentials, update, withLock }

/** Runs the work in a context that holds the lock. */
async function runLocked(lock, work) {
  try {
    return await runHolding(lock, work)
  } finally {
    lock.release()
  }
}

/**
 * Writes the result of an update. Returns the `CONFLICT` error if a program that does not use the lock wrote in between;
 * otherwise `null`.
 */
async function write(store, key, next) {
  try {
    if (next === null) await store.delete(key)
    else if (next !== undefined) await store.set(key, next)
    return null
  } catch (error) {
    if (error?.code === 'CONFLICT') return error
    throw error
  }
}

/** Waits for a random time whose maximum doubles with each attempt. */
function pause(attempt) {
  const longest = Math.min(MAX_PAUSE_MS, 2 ** attempt)
  return new Promise((resolve) => setTimeout(resolve, Math.random() * longest))
}
