'use strict'

// The classes. The native ones do the work; those here can only be constructed with `new`, spread bursts of calls over
// several turns of the event loop, and add what needs JavaScript.

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
    // The storage of the process may change, so the command is created when names are completed.
    return require('./key-schema.js').keySchema((args) => new KeyCommand().complete(args))
  }

  get schema() {
    return require('./key-schema.js').keySchema((args) => this.complete(args))
  }
}

// Methods that take only strings are paced: what they are given cannot change while they wait.
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

/** Returns the instance of this process (of this worker, in a worker thread). */
function getProviderKeyStorage() {
  providerKeyStorage ??= new ProviderKeyStorage()
  return providerKeyStorage
}

function resetProviderKeyStorage() {
  providerKeyStorage = undefined
}

/** Returns the instance of this process (of this worker, in a worker thread). */
function getToolKeyStorage() {
  toolKeyStorage ??= new ToolKeyStorage()
  return toolKeyStorage
}

/** Makes the next calls create new instances, which read the configuration anew. */
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

/** Gives a class the methods of the native one as its own. */
function adopt(Class, Native, wrap = (method) => method) {
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(Native.prototype))) {
    if (name === 'constructor' || typeof descriptor.value !== 'function') continue
    const value = wrap(descriptor.value)
    if (value !== descriptor.value) Object.defineProperty(value, 'name', { value: name, configurable: true })
    Object.defineProperty(Class.prototype, name, { ...descriptor, value, enumerable: false })
  }
}

/** The names that `/key` completes, for each storage that is not ours. */
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
