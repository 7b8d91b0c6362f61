// @ts-check
'use strict'

// The contestants in a fresh process. Each loads only the modules that it needs, when it is created.

const path = require('node:path')

/** The folder of the addon; with `--against`, that of another revision. */
const ADDON = process.env.SECURESTORE_BENCH_ADDON ?? path.join(__dirname, '..', '..')

/**
 * @typedef {{
 *   who: string, service: string, directory: string, key: string, machineSecret?: string, inKeyring?: boolean,
 *   derivedKeys?: Record<string, string>,
 * }} Input the store. Its files are in `directory` or, with `inKeyring`, its keys are in the keyring. Without
 * `machineSecret`, files are of version 1. `derivedKeys` are for the floor
 */

/**
 * Creates a function that makes one call of `get`, by contestant. @type {Record<string, (input: Input) => () => unknown>}
 */
const GET = {
  addon: (input) => {
    const store = addonStore(input)
    return () => store.get(input.key)
  },
  baseline: ({ service, directory, machineSecret, key }) => {
    const { BaselineStore } = require('../baseline.js')
    const store = new BaselineStore(service, directory, machineSecret)
    return () => store.get(key)
  },
  typescript: (input) => {
    require('@napi-rs/keyring')
    return /** @type {() => unknown} */ (GET.baseline?.(input))
  },
  floor: ({ directory, key, derivedKeys = {} }) => {
    const { readValue } = require('../floor.js')
    return () => readValue(directory, `${key}.enc`, derivedKeys)
  },
  scrypt: () => {
    const { derive, KDF } = require('../baseline.js')
    return () => derive('password', Buffer.alloc(16, 7), 32, KDF)
  },
  'napi-keyring': ({ service, key }) => {
    const { KeyringBaseline } = require('../keyring-baseline.js')
    const keyring = new KeyringBaseline(service)
    return () => keyring.get(key)
  },
}

/**
 * Creates a function that lists and reads all keys once, by contestant. @type {Record<string, (input: Input) => () =>
 * unknown>}
 */
const READ_ALL = {
  addon: (input) => {
    const store = addonStore(input)
    return () => readAll(store)
  },
  'addon-key-list': (input) => {
    const { KeyCommand, ProviderKeyStorage } = addon()
    const command = new KeyCommand(new ProviderKeyStorage({ secureStore: addonStore(input) }))
    return () => command.run('list')
  },
  baseline: ({ service, directory, machineSecret }) => {
    const { BaselineStore } = require('../baseline.js')
    const store = new BaselineStore(service, directory, machineSecret)
    return () => store.readAll()
  },
  floor: ({ directory, derivedKeys = {} }) => {
    const { readAllValues } = require('../floor.js')
    return () => readAllValues(directory, derivedKeys)
  },
  'napi-keyring': ({ service }) => {
    const { KeyringBaseline } = require('../keyring-baseline.js')
    const keyring = new KeyringBaseline(service)
    return () => keyring.readAll()
  },
  'napi-keyring-one-call': ({ service }) => {
    const { KeyringBaseline } = require('../keyring-baseline.js')
    const keyring = new KeyringBaseline(service)
    return () => keyring.readAllAtOnce()
  },
}

/** @returns {typeof import('@llxprt/securestore')} */
function addon() {
  return require(ADDON)
}

/** @param {Input} input */
function addonStore({ service, directory, machineSecret, inKeyring = false }) {
  const { SecureStore } = addon()
  if (inKeyring) return new SecureStore(service, { fallbackDir: directory })
  const secret = machineSecret === undefined ? withoutSecret(directory) : { machineSecretPath: machineSecret }
  return new SecureStore(service, { fallbackDir: directory, ...secret })
}

/**
 * Lists and reads all keys of a store, with `entries` if the store has it.
 *
 * @param {InstanceType<typeof import('@llxprt/securestore').SecureStore>} store
 * @returns {Promise<Array<string | null>>}
 */
async function readAll(store) {
  if ('entries' in store && typeof store.entries === 'function') {
    const { entries, incomplete } = await store.entries()
    if (incomplete) throw incomplete
    return entries.map((/** @type {{ value: string | null }} */ { value }) => value)
  }
  const names = await store.list()
  return Promise.all(names.map((name) => store.get(name)))
}

/** Returns the options of a store that has no machine secret. @param {string} directory */
function withoutSecret(directory) {
  return { machineSecretLoader: async () => null, machineSecretPath: path.join(directory, '..', 'no-secret') }
}

module.exports = { GET, READ_ALL, addon, addonStore, readAll }
