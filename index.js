'use strict'

// The entry: loads the binary, and defines what only JavaScript can. Everything else is in Rust, below src/.

const os = require('node:os')
const path = require('node:path')
const binding = require('./binding.js')

const { ExtensionSettingsStorage, KeyCommand, KeychainTokenStorage, OsKeyringAdapter, ProviderKeyStorage } = binding
const { SecureInputHandler, SecureStore, ToolKeyStorage } = binding
const { createDefaultKeyringAdapter, findLegacyData, keySubcommands, maskKeyForDisplay, parseKeyArgs } = binding
const { setLogSink, validateKeyName } = binding

class SecureStoreError extends Error {
  constructor(message, code, remediation) {
    super(message)
    this.code = code
    this.remediation = remediation
  }
}
// On the prototype, as the names of the built-in errors are: it says what the class is, not what the object holds.
Object.defineProperty(SecureStoreError.prototype, 'name', {
  value: 'SecureStoreError',
  configurable: true,
  writable: true,
})

const KEY_NAME_REGEX = /^[a-zA-Z0-9._-]{1,64}$/

const AUTH_EPHEMERAL_SETTINGS = Object.freeze(['auth-key-name', 'auth-keyfile', 'auth-key'])

binding.attach({ SecureStoreError, deliver, getProviderKeyStorage, host, load, settle })

let providerKeyStorage

function getProviderKeyStorage() {
  providerKeyStorage ??= new ProviderKeyStorage()
  return providerKeyStorage
}

function resetProviderKeyStorage() {
  providerKeyStorage = undefined
}

// The storage is lent as a function: it is made only when a named key is what the session uses. Async, so that a getter of
// the host's own that throws rejects like everything else.
async function resolveApiKey(sources, storage) {
  return binding.resolveApiKey(sources, storage, { env: process.env, storage: getProviderKeyStorage })
}

async function doctor(options) {
  const runtime = process.versions.bun ? `bun ${process.versions.bun}` : `node ${process.versions.node}`
  return binding.doctor(options, { platform: `${process.platform}-${process.arch}`, runtime })
}

// On the class it completes from the process's own storage, whichever that is by then; on a command from the command's.
KeyCommand.schema = keySchema((args) => new KeyCommand().complete(args))
Object.defineProperty(KeyCommand.prototype, 'schema', {
  configurable: true,
  get() {
    return keySchema((args) => this.complete(args))
  },
})

const TOOL_KEY_REGISTRY = new Map(binding.toolKeyRegistry().map((entry) => [entry.toolKeyName, Object.freeze(entry)]))

function isValidToolKeyName(toolName) {
  return TOOL_KEY_REGISTRY.has(toolName)
}

function getToolKeyEntry(toolName) {
  return TOOL_KEY_REGISTRY.get(toolName)
}

function getSupportedToolNames() {
  return [...TOOL_KEY_REGISTRY.keys()]
}

let toolKeyStorage

function getToolKeyStorage() {
  toolKeyStorage ??= new ToolKeyStorage()
  return toolKeyStorage
}

module.exports = {
  AUTH_EPHEMERAL_SETTINGS,
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
  createDefaultKeyringAdapter,
  doctor,
  findLegacyData,
  getProviderKeyStorage,
  getSupportedToolNames,
  getToolKeyEntry,
  getToolKeyStorage,
  isValidToolKeyName,
  maskKeyForDisplay,
  parseKeyArgs,
  resetProviderKeyStorage,
  resolveApiKey,
  setLogSink,
  validateKeyName,
}

// The subcommands of `/key` for a host that completes by schema.
function keySchema(complete) {
  const key = { kind: 'value', name: 'api-key', description: 'The API key', hint: 'Paste the API key' }
  return keySubcommands().map(({ value, description, takesName, takesKey }) => {
    if (!takesName) return { kind: 'literal', value, description }
    const name = {
      kind: 'value',
      name: 'name',
      description: takesKey ? 'Name for the key' : 'Name of a saved key',
      completer: (_context, partial) => complete(`${value} ${partial}`),
    }
    return { kind: 'literal', value, description, next: [takesKey ? { ...name, next: [key] } : name] }
  })
}

// What Rust must know of the host. Asked on the JavaScript thread: on Bun and in workers, what JavaScript writes to
// process.env never reaches the C environment.
function host() {
  const { env } = process
  return {
    hostname: os.hostname(),
    username: username(),
    home: path.resolve((process.platform === 'win32' ? env.USERPROFILE : env.HOME) || os.homedir()),
    osKeyringDisabled: env.LLXPRT_DISABLE_OS_KEYRING === '1',
    fileStorageForced: env.LLXPRT_FORCE_FILE_STORAGE === 'true',
    sessionBusAddress: env.DBUS_SESSION_BUS_ADDRESS ?? null,
    runtimeDir: env.XDG_RUNTIME_DIR ?? null,
    log: env.LLXPRT_SECURESTORE_LOG ?? null,
  }
}

function username() {
  try {
    const name = os.userInfo().username
    if (name) return name
  } catch {
    // A user without an entry in the user database, as containers have them.
  }
  return process.getuid ? String(process.getuid()) : 'unknown'
}

// A sink that fails, at once or later, is its owner's affair and not the store's: the process goes on.
function deliver(sink, event) {
  try {
    const result = sink(event)
    if (typeof result?.then === 'function') result.then(undefined, () => {})
  } catch {
    // Telling it would need a log.
  }
}

// An injected keyring as one function for Rust (`call` is null where the loader gives none). It looks the method up anew
// each time, calls it on the adapter, and never rejects: a rejection is an outcome like any other.
async function load(loader) {
  let adapter = null
  try {
    adapter = await loader()
  } catch {
    // A loader that throws means "no keyring" (R1).
  }
  if (adapter === null || (typeof adapter !== 'object' && typeof adapter !== 'function')) {
    return { call: null, os: false }
  }
  const call = (method, ...args) => settle(() => ask(adapter, method, args))
  return { call, os: adapter instanceof OsKeyringAdapter }
}

// What becomes of a function of the caller's, as an outcome: it never rejects.
async function settle(call) {
  try {
    return { ok: true, value: await call() }
  } catch (error) {
    return { ok: false, ...describe(error) }
  }
}

async function ask(adapter, method, args) {
  if (method === 'findCredentials') {
    // An adapter that cannot enumerate contributes nothing (R3.7). The passwords stay in JavaScript.
    const found = adapter.findCredentials ? await adapter.findCredentials(args[0]) : []
    return Array.from(found ?? [], (credential) => credential?.account).filter((account) => typeof account === 'string')
  }
  const answer = await adapter[method](...args.filter((arg) => arg !== null))
  return method === 'deletePassword' ? Boolean(answer) : answer
}

// Adapters may throw anything, with getters that throw, too.
function describe(error) {
  if (typeof error === 'string') return { message: error, code: null, remediation: null }
  try {
    const { message, code, name, remediation } = error
    return {
      message: typeof message === 'string' ? message : '',
      code: typeof code === 'string' ? code : null,
      // A SecureStoreError, also of another copy of this module, keeps its code and its remedy.
      remediation: name === 'SecureStoreError' && typeof remediation === 'string' ? remediation : null,
    }
  } catch {
    return { message: '', code: null, remediation: null }
  }
}
