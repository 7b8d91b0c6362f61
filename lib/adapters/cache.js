'use strict'

// Caches values in the memory of this process for `cacheMs`. Off by default.

/** The maximum number of cached values. The oldest is removed first. */
const MAX_ENTRIES = 1_000

/**
 * Returns an adapter whose reads are cached. Returns the adapter itself if `cacheMs` is 0.
 *
 * A change made through the adapter removes the cached value, so the read that verifies a write reads from the keyring. The
 * adapter must run the calls for one key in order. The absence of a value is not cached.
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
    const cachedValue = cache.get(name)
    if (cachedValue !== undefined) return cachedValue
    const generation = cache.generation
    const value = await adapter.getPassword(service, account)
    // If a change was started in the meantime, this value may be outdated.
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
  /** The number of changes so far. */
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

  /** Schedules the removal of expired values. The timer does not keep the process alive. */
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
