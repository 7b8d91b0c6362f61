'use strict'

// The public classes. Each extends a native class. They require `new`, spread bursts of calls over several turns of the
// event loop, and add the methods that need JavaScript.

const { classes, native } = require('./native.js')
const { paced } = require('./pace.js')

class SecureStore extends native.SecureStore {
  update(key, change) {
    return require('./locks.js').update(this, key, change)
  }

  withLock(key, work) {
    return require('./locks.js').withLock(this, key, work)
  }
}

class ProviderKeyStorage extends native.ProviderKeyStorage {}

class ToolKeyStorage extends native.ToolKeyStorage {}

class KeychainTokenStorage extends native.KeychainTokenStorage {
  refreshCredentials(serverName, refresh, options) {
    return require('./locks.js').refreshCredentials(this, serverName, refresh, options)
  }
}

class ExtensionSettingsStorage extends native.ExtensionSettingsStorage {}

class SecureInputHandler extends native.SecureInputHandler {}

class KeyCommand extends native.KeyCommand {
  constructor(storage) {
    const chosen = storage === undefined ? getProviderKeyStorage() : storage
    super(chosen, completionCache(chosen))
  }

  static get schema() {
    // The process-wide storage may change, so the command is created only when names are completed.
    return require('./key-schema.js').keySchema((args) => new KeyCommand().complete(args))
  }

  get schema() {
    return require('./key-schema.js').keySchema((args) => this.complete(args))
  }
}

// Only methods that take nothing but strings are paced: their arguments cannot change while a call is queued.
adopt(SecureStore, native.SecureStore, paced)
adopt(ProviderKeyStorage, native.ProviderKeyStorage, paced)
adopt(ToolKeyStorage, native.ToolKeyStorage, paced)
adopt(KeychainTokenStorage, native.KeychainTokenStorage)
adopt(ExtensionSettingsStorage, native.ExtensionSettingsStorage)
adopt(SecureInputHandler, native.SecureInputHandler)
adopt(KeyCommand, native.KeyCommand)
Object.assign(classes, { ProviderKeyStorage, SecureStore })

let providerKeyStorage
let toolKeyStorage

/** Returns the process-wide instance (in a worker thread, the worker's). */
function getProviderKeyStorage() {
  providerKeyStorage ??= new ProviderKeyStorage()
  return providerKeyStorage
}

function resetProviderKeyStorage() {
  providerKeyStorage = undefined
}

/** Returns the process-wide instance (in a worker thread, the worker's). */
function getToolKeyStorage() {
  toolKeyStorage ??= new ToolKeyStorage()
  return toolKeyStorage
}

/** Discards the process-wide instances. The next calls create new ones, which read the configuration again. */
function resetInstances() {
  providerKeyStorage = undefined
  toolKeyStorage = undefined
}

module.exports = {
  ExtensionSettingsStorage,
  KeyCommand,
  KeychainTokenStorage,
  ProviderKeyStorage,
  SecureInputHandler,
  SecureStore,
  ToolKeyStorage,
  getProviderKeyStorage,
  getToolKeyStorage,
  resetInstances,
  resetProviderKeyStorage,
}

/** Defines the methods of the native class on a class, wrapped by `wrap`. */
function adopt(Class, Native, wrap = (method) => method) {
  for (const name of Object.getOwnPropertyNames(Native.prototype)) {
    const method = Native.prototype[name]
    if (name === 'constructor' || typeof method !== 'function') continue
    const value = wrap(method)
    if (value !== method) Object.defineProperty(value, 'name', { value: name, configurable: true })
    Object.defineProperty(Class.prototype, name, { value, configurable: true, writable: true })
  }
}

/** The cached key names for `/key` completion, for each storage that is not a `ProviderKeyStorage` of this package. */
const completionCaches = new WeakMap()

function completionCache(storage) {
  if (typeof storage !== 'object' || storage === null || storage instanceof ProviderKeyStorage) return undefined
  let cache = completionCaches.get(storage)
  if (cache === undefined) {
    cache = new native.CompletionCache()
    completionCaches.set(storage, cache)
  }
  return cache
}
