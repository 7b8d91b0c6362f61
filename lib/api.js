'use strict'

// The exports of the package: its classes and functions. They are in one file, because each file that Node loads delays the
// start of every program.
//
// The classes extend native classes. They require `new`, spread bursts of calls over several turns of the event loop, and add
// the methods that need JavaScript.

const native = require('./binding.js')
const { EnvelopeCodecError, SecureStoreError, isRuntimeReplacedError, isSecureStoreError } = require('./errors.js')
const { hasContexts, paced } = require('./pace.js')

// The JavaScript functions that the binary calls. Each file is loaded at its first use, because most programs do not need all
// of them.
native.init({
  SecureStoreError,
  chooseKeyring: (...args) => require('./host.js').chooseKeyring(...args),
  currentLocks: () => (hasContexts() ? require('./lock-context.js').currentLocks() : null),
  deliver: (...args) => calls().deliver(...args),
  host: () => require('./host.js').host(),
  load: (...args) => calls().load(...args),
  logger: (object) => calls().logger(object),
  projectProblem: (...args) => require('./host.js').projectProblem(...args),
  reportBroken: (...args) => calls().reportBroken(...args),
  settle: (...args) => calls().settle(...args),
  storageCall: (...args) => calls().storageCall(...args),
})

const { findLegacyData, hardenProcess, maskKeyForDisplay, parseKeyArgs, setLogSink, validateKeyName } = native

const KEY_NAME_REGEX = /^[a-zA-Z0-9._-]{1,64}$/

const AUTH_EPHEMERAL_SETTINGS = Object.freeze(['auth-key-name', 'auth-keyfile', 'auth-key'])

const TOOL_KEY_REGISTRY = new Map(native.toolKeyRegistry().map((entry) => [entry.toolKeyName, Object.freeze(entry)]))

class SecureStore extends native.SecureStore {
  update(key, change) {
    return require('./locks.js').update(this, key, change, SecureStore)
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

function createDefaultKeyringAdapter() {
  return require('./calls.js').createDefaultKeyringAdapter(native)
}

function configure(settings) {
  const changes = require('./host.js').setConfiguration(settings)
  if (Object.hasOwn(changes, 'osKeyringDisabled')) native.setOsKeyringDisabled(changes.osKeyringDisabled ?? false)
  resetInstances()
}

function setOsKeyringDisabledBySetting(disabled) {
  native.setOsKeyringDisabled(disabled)
  require('./host.js').setConfiguration({ osKeyringDisabled: disabled })
}

// The storage is passed as a function, so that it is created only if the session uses a named key. The function is async so
// that an error thrown by a getter of `sources` becomes a rejection.
async function resolveApiKey(sources, storage) {
  return native.resolveApiKey(sources, storage, { env: process.env, storage: getProviderKeyStorage })
}

async function doctor(options) {
  const runtime = process.versions.bun ? `bun ${process.versions.bun}` : `node ${process.versions.node}`
  return native.doctor(options, { platform: `${process.platform}-${process.arch}`, runtime })
}

function encryptEnvelopeString(...args) {
  return require('./envelope.js').encryptEnvelopeString(...args)
}

function decryptEnvelopeString(...args) {
  return require('./envelope.js').decryptEnvelopeString(...args)
}

function readEnvelopeVersion(content) {
  return require('./envelope.js').readEnvelopeVersion(content)
}

function isValidEnvelope(envelope) {
  return require('./envelope.js').isValidEnvelope(envelope)
}

function isValidToolKeyName(toolName) {
  return TOOL_KEY_REGISTRY.has(toolName)
}

function getToolKeyEntry(toolName) {
  return TOOL_KEY_REGISTRY.get(toolName)
}

function getSupportedToolNames() {
  return [...TOOL_KEY_REGISTRY.keys()]
}

module.exports = {
  AUTH_EPHEMERAL_SETTINGS,
  EnvelopeCodecError,
  ExtensionSettingsStorage,
  KEY_NAME_REGEX,
  KeyCommand,
  KeychainTokenStorage,
  ProviderKeyStorage,
  SecureInputHandler,
  SecureStore,
  SecureStoreError,
  TOOL_KEY_REGISTRY,
  ToolKeyStorage,
  configure,
  createDefaultKeyringAdapter,
  decryptEnvelopeString,
  doctor,
  encryptEnvelopeString,
  findLegacyData,
  getProviderKeyStorage,
  getSupportedToolNames,
  getToolKeyEntry,
  getToolKeyStorage,
  hardenProcess,
  isRuntimeReplacedError,
  isSecureStoreError,
  isValidEnvelope,
  isValidToolKeyName,
  maskKeyForDisplay,
  parseKeyArgs,
  readEnvelopeVersion,
  resetProviderKeyStorage,
  resolveApiKey,
  setLogSink,
  setOsKeyringDisabledBySetting,
  validateKeyName,
}

let loadedCalls

function calls() {
  loadedCalls ??= require('./calls.js').createCalls(native, { ProviderKeyStorage, SecureStore })
  return loadedCalls
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
