'use strict'

// Access to the named keys. The addon stores, masks and validates them.

const { addon } = require('./addon.js')
const { providerKeysDirectory } = require('./data-dir.js')
const { CommandError, UsageError } = require('./errors.js')
const { printable } = require('./output.js')

/** The keyring service of the named keys. */
const SERVICE = 'llxprt-code-provider-keys'

/** The name of each storage location in a sentence. */
const LOCATIONS = { keyring: 'the OS keyring', file: 'an encrypted file' }

/** Returns the storage of the named keys. */
function storage() {
  return addon().getProviderKeyStorage()
}

/** Returns the store that {@link storage} uses. It also locates keys, and does not trim values. */
function store(options) {
  const { SecureStore } = addon()
  return new SecureStore(SERVICE, { fallbackDir: providerKeysDirectory(), ...options })
}

/** Resolves to all keys with their values, as `SecureStore.entries` does. */
function entries(options) {
  return store(options).entries()
}

/** Resolves to where a key is: `keyring`, `file` or `null`. */
function locate(name) {
  return store().locate(name)
}

/** Resolves to a key. Rejects if no key has this name. */
async function load(name) {
  const key = await storage().getKey(name)
  if (key === null) throw notFound(name)
  return key
}

/** Throws if the name is invalid. The error does not repeat it, because it may be an API key in the wrong place. */
function checkName(name, word) {
  try {
    addon().validateKeyName(name)
  } catch {
    throw new UsageError(
      'Invalid key name. Use only letters, numbers, dashes, underscores and dots (1-64 chars).',
      word,
    )
  }
}

function notFound(name) {
  return new CommandError(`Key '${name}' not found.`, "Run 'llxprt-key list' to see saved keys.")
}

/** Masks a key for display. */
function mask(key) {
  return printable(addon().maskKeyForDisplay(key))
}

module.exports = { LOCATIONS, SERVICE, checkName, entries, load, locate, mask, notFound, storage, store }
