'use strict'

// Finds out where a named key is, by looking at both locations, for addons without `locate()` and `entries()`.

const { readdirSync } = require('node:fs')
const { addon } = require('./addon.js')
const { providerKeysDirectory } = require('./data-dir.js')

const SERVICE = 'llxprt-code-provider-keys'

/** Returns all keys with their values, in the shape of `SecureStore.entries`. */
async function entries(keys) {
  const read = async (key) => ({ key, value: await keys.getKey(key).catch((cause) => cause) })
  // The keyring's error is found below.
  const names = await keys.listKeys().catch(() => [])
  const found = await Promise.all(names.map(read))
  // Afterwards, because reading a key may move it to the keyring.
  const { error, placeOf } = await look()
  const entry = ({ key, value }) => {
    if (typeof value === 'string') return { key, value, storedIn: placeOf(key, value), error: null }
    return { key, value: null, storedIn: placeOf(key), error: value }
  }
  return { entries: found.map(entry), incomplete: error }
}

/** Returns a function that tells where a key is, and the error of a keyring that cannot be read. */
async function look() {
  const { accounts, error } = await keyring()
  const files = new Set(fileNames())
  const placeOf = (name, key) => {
    if (accounts.has(name) && (key === undefined || accounts.get(name) === key)) return 'keyring'
    return files.has(name) ? 'file' : null
  }
  return { error, placeOf }
}

async function keyring() {
  try {
    const adapter = await addon().createDefaultKeyringAdapter()
    const found = (await adapter?.findCredentials(SERVICE)) ?? []
    return { accounts: new Map(found.map(({ account, password }) => [account, password])), error: null }
  } catch (error) {
    return { accounts: new Map(), error }
  }
}

/** Returns the names that have a file, decoding the characters that file names cannot hold. */
function fileNames() {
  try {
    const files = readdirSync(providerKeysDirectory()).filter((file) => file.endsWith('.enc'))
    return files.map((file) => file.slice(0, -'.enc'.length).replace(/%([0-9A-F]{2})/g, decodeByte))
  } catch {
    return []
  }
}

function decodeByte(_, hex) {
  return String.fromCharCode(Number.parseInt(hex, 16))
}

module.exports = { entries, look }
