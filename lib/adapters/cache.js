'use strict'

// Keeps values in the memory of this process for `cacheMs`. Off unless it is asked for.

/** Values that are kept at most; the oldest goes first. */
const MAX_ENTRIES = 1_000

/**
 * Wraps an adapter's reads in a cache; returns the adapter itself where `cacheMs` is 0.
 *
 * A change through the adapter drops the kept value, so the read that verifies a write asks the keyring. The adapter must run
 * the calls for one key in their order. "Not there" is not kept.
 *
 * @template {object} Adapter
 * @param {Adapter} adapter
 * @param {number} cacheMs
 * @returns {Adapter}
 */
function withCache(adapter, cacheMs) {
  if (cacheMs === 0) return adapter
  const cache = new Cache(cacheMs)
  const key = (service, account) => JSON.stringify([service, account])
  const dropping =
    (method) =>
    (service, account, ...rest) => {
      cache.drop(key(service, account))
      return adapter[method](service, account, ...rest)
    }
  const cached = Object.create(adapter)
  cached.getPassword = async (service, account) => {
    const name = key(service, account)
    const kept = cache.get(name)
    if (kept !== undefined) return kept
    const generation = cache.generation
    const value = await adapter.getPassword(service, account)
    // A change that was called meanwhile may be newer than this value.
    if (value !== null && cache.generation === generation) cache.set(name, value)
    return value
  }
  cached.setPassword = dropping('setPassword')
  cached.deletePassword = dropping('deletePassword')
  for (const method of ['findAccounts', 'findCredentials', 'getVersioned']) {
    if (adapter[method]) cached[method] = (...args) => adapter[method](...args)
  }
  for (const method of ['setVersioned', 'deleteVersioned']) {
    if (adapter[method]) cached[method] = dropping(method)
  }
  return cached
}

class Cache {
  /** Grows with every change. */
  generation = 0
  #cacheMs
  #entries = new Map()
  #sweep

  constructor(cacheMs) {
    this.#cacheMs = cacheMs
  }

  get(name) {
    const entry = this.#entries.get(name)
    if (entry === undefined) return undefined
    if (performance.now() < entry.end) return entry.value
    this.#entries.delete(name)
    return undefined
  }

  set(name, value) {
    this.#entries.delete(name)
    this.#entries.set(name, { value, end: performance.now() + this.#cacheMs })
    if (this.#entries.size > MAX_ENTRIES) this.#entries.delete(this.#entries.keys().next().value)
    this.#schedule()
  }

  drop(name) {
    this.generation += 1
    this.#entries.delete(name)
  }

  /** Removes what is too old also when nobody asks for it any more. The timer keeps no process alive. */
  #schedule() {
    if (this.#sweep) return
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined
      for (const name of [...this.#entries.keys()]) this.get(name)
      if (this.#entries.size > 0) this.#schedule()
    }, this.#cacheMs)
    this.#sweep.unref()
  }
}

module.exports = { withCache }
