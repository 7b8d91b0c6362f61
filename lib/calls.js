'use strict'

// Calls from Rust into JavaScript. Each call has a number and ends with `resolveCall` or `rejectCall`. The functions do not
// throw. This file is loaded at the first call.

/** The adapters that `createDefaultKeyringAdapter` returned. */
const osAdapters = new WeakSet()

/** The required methods of each kind of storage. */
const STORAGE_METHODS = {
  SecureStore: ['get', 'set', 'delete', 'list', 'has'],
  ProviderKeyStorage: ['saveKey', 'getKey', 'deleteKey', 'listKeys', 'hasKey'],
}

/**
 * Returns the functions that Rust calls. `native` is the binary. `classes` has the storage classes of this package, by name.
 */
function createCalls(native, classes) {
  async function settle(id, work) {
    let value
    try {
      value = await work()
    } catch (error) {
      const { message, code, remediation } = describe(error)
      native.rejectCall(id, message, code, remediation)
      return
    }
    native.resolveCall(id, value)
  }

  /** Resolves to `{ call, os }`, where `call` calls the adapter's methods; `call` is `null` if there is no keyring. */
  function load(id, loader) {
    settle(id, async () => {
      const adapter = await loader()
      if (adapter === null || (typeof adapter !== 'object' && typeof adapter !== 'function')) {
        return { call: null, os: false }
      }
      const call = (callId, method, service, account, password) =>
        settle(callId, () => callAdapter(adapter, method, service, account, password))
      return { call, os: osAdapters.has(adapter) }
    })
  }

  /**
   * Returns `null` for an instance of this package's class that overrides none of its methods. For any other storage,
   * returns a function that calls its methods. Returns `undefined` if the object is not a storage.
   */
  function storageCall(object, kind) {
    if (object === null || (typeof object !== 'object' && typeof object !== 'function')) return undefined
    const methods = STORAGE_METHODS[kind]
    if (methods.some((method) => typeof object[method] !== 'function')) return undefined
    const Class = classes[kind]
    if (object instanceof Class && methods.every((method) => object[method] === Class.prototype[method])) return null
    return (id, method, key, value) =>
      settle(id, () => {
        if (key === null) return object[method]()
        return value === null ? object[method](key) : object[method](key, value)
      })
  }

  return { deliver, load, logger, reportBroken, settle, storageCall }
}

/** Resolves to the OS keyring as an object of functions that do not use `this`; `null` if there is no keyring. */
async function createDefaultKeyringAdapter(native) {
  const keyring = await native.createOsKeyringAdapter()
  if (keyring === null) return null
  const adapter = {
    getPassword: (service, account) => keyring.getPassword(service, account),
    setPassword: (service, account, password) => keyring.setPassword(service, account, password),
    deletePassword: (service, account) => keyring.deletePassword(service, account),
    findCredentials: (service) => keyring.findCredentials(service),
  }
  osAdapters.add(adapter)
  return adapter
}

module.exports = { createCalls, createDefaultKeyringAdapter }

/** Calls a log sink with an event. Errors of the sink are ignored. */
function deliver(sink, event) {
  try {
    const result = sink(event)
    if (typeof result?.then === 'function') result.then(undefined, () => {})
  } catch {
    // There is no other log to report it to.
  }
}

/** Reports credentials that cannot be used to the host's callback. Errors of the callback are ignored. */
function reportBroken(callback, serverName, error) {
  deliver(() => callback(serverName, error))
}

/** Returns a function that calls a logger. Errors of the logger are ignored. */
function logger(object) {
  return (level, text) => {
    try {
      if (level === 'warn' || level === 'error') object[level](text)
      else object.debug(text)
    } catch {
      // There is no other log to report it to.
    }
  }
}

async function callAdapter(adapter, method, service, account, password) {
  const { deleteForUpdates, readForUpdates, writeForUpdates } = require('./update-versions.js')
  switch (method) {
    case 'findAccounts':
      return accountsOf(adapter, service)
    case 'findCredentials':
      return credentialsOf(adapter, service)
    case 'setPassword':
      return writeForUpdates(adapter, service, account, password)
    case 'deletePassword':
      return Boolean(await deleteForUpdates(adapter, service, account))
    default:
      return readForUpdates(adapter, service, account)
  }
}

/**
 * Lists the accounts of a service. If the adapter has `findAccounts`, no password is read; otherwise the passwords are not
 * passed to Rust.
 */
async function accountsOf(adapter, service) {
  return (await credentialsOf(adapter, service)).map(([account]) => account)
}

/**
 * Lists the accounts of a service, each as `[account, password]`. The password is `null` if the account must be
 * read on its own.
 */
async function credentialsOf(adapter, service) {
  // With such an adapter, reads may be cached, and one that fails does not hide the other accounts.
  if (typeof adapter.findAccounts === 'function') {
    return Array.from(await adapter.findAccounts(service), (account) => [account, null])
  }
  // Without `findCredentials`, the adapter cannot list.
  const found = adapter.findCredentials ? await adapter.findCredentials(service) : []
  return Array.from(found ?? [], (credential) => [credential?.account, credential?.password ?? null]).filter(
    ([account]) => typeof account === 'string',
  )
}

/** Describes a thrown value. It may be of any type, including an object whose getters throw. */
function describe(error) {
  if (typeof error === 'string') return { message: error, code: null, remediation: null }
  try {
    const { message, code, name, remediation } = error
    return {
      message: typeof message === 'string' ? message : '',
      code: typeof code === 'string' ? code : null,
      // The remediation of a SecureStoreError is kept, including that of a subclass or of another copy of this package.
      remediation: isStorageError(error, name) && typeof remediation === 'string' ? remediation : null,
    }
  } catch {
    return { message: '', code: null, remediation: null }
  }
}

function isStorageError(error, name) {
  const { SecureStoreError } = require('./errors.js')
  return name === 'SecureStoreError' || error instanceof SecureStoreError
}
