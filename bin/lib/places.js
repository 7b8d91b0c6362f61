'use strict'

// Where a named key is kept. The addon decides that and does not tell; but both places can be looked at.

const { readdirSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')

/** Of the addon's ProviderKeyStorage, in the keyring. */
const SERVICE = 'llxprt-code-provider-keys'

/** Of the addon's ProviderKeyStorage, for the encrypted files. */
const directory = () => path.join(os.homedir(), '.llxprt', 'provider-keys')

/** As they are said in a sentence. */
const PLACES = { keyring: 'the OS keyring', file: 'an encrypted file' }

/**
 * Looks at both places.
 *
 * @returns {Promise<{ error: Error | null, placeOf: (name: string, key?: string) => 'keyring' | 'file' | null }>} `error` is
 * what kept the keyring from being read, and `placeOf` where a key is; with the key itself, where this very key is
 */
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
  const { createDefaultKeyringAdapter } = require('../../index.js')
  try {
    const adapter = await createDefaultKeyringAdapter()
    const found = (await adapter?.findCredentials(SERVICE)) ?? []
    return { accounts: new Map(found.map(({ account, password }) => [account, password])), error: null }
  } catch (error) {
    return { accounts: new Map(), error }
  }
}

/** The names that have a file. The addon percent-encodes what a file name must not hold, as a dot at its end. */
function fileNames() {
  try {
    const files = readdirSync(directory()).filter((file) => file.endsWith('.enc'))
    return files.map((file) => file.slice(0, -'.enc'.length).replace(/%([0-9A-F]{2})/g, decodeByte))
  } catch {
    return []
  }
}

function decodeByte(_, hex) {
  return String.fromCharCode(Number.parseInt(hex, 16))
}

module.exports = { PLACES, SERVICE, look }
