// @ts-check
'use strict'

// The stores to measure: directories with a given number of keys and values of a given size.

const { cpSync, mkdtempSync, rmSync } = require('node:fs')
const path = require('node:path')
const { SecureStore } = require('../index.js')
const { BaselineStore } = require('./baseline.js')

const SERVICE = 'securestore-bench'
/** The sizes of values in bytes: an API key, and a token with claims. */
const SMALL = 100
const LARGE = 10_000

/** @param {number} bytes */
function value(bytes) {
  return 'sk-bench-'.padEnd(bytes, '0123456789abcdef')
}

/**
 * Returns the names of a number of keys.
 *
 * @param {number} count
 */
function keys(count) {
  return Array.from({ length: count }, (_, i) => `key-${String(i).padStart(4, '0')}`)
}

/**
 * Returns the options of a store that uses the files of a directory. The benchmark runs with `LLXPRT_DISABLE_OS_KEYRING=1`, as
 * on a machine without a keyring.
 *
 * @param {string} fallbackDir
 */
function inFiles(fallbackDir) {
  return { fallbackDir, machineSecretPath: machineSecretOf(fallbackDir) }
}

/**
 * Returns the file of the machine secret that the stores of a fixture share.
 *
 * @param {string} directory of one of the stores
 */
function machineSecretOf(directory) {
  return path.join(path.dirname(directory), 'machine_secret')
}

class Fixtures {
  /** The folder that holds all stores. */
  home
  /** @type {Map<string, string>} */
  #made = new Map()

  /** @param {string} parent the folder in which everything is created */
  constructor(parent) {
    this.home = mkdtempSync(path.join(parent, 'securestore-bench-'))
  }

  /** Returns a new, empty directory. */
  directory() {
    return mkdtempSync(path.join(this.home, 'store-'))
  }

  /**
   * Resolves to a directory of files that this addon wrote, the same one for the same arguments. Callers must not write to
   * it.
   *
   * @param {number} count of keys
   * @param {number} [bytes] size of the values
   */
  async files(count, bytes = SMALL) {
    return this.#once(`addon ${count} ${bytes}`, async (directory) => {
      const store = new SecureStore(SERVICE, inFiles(directory))
      // The other files reuse the salt of the first one.
      const [first = '', ...others] = keys(count)
      await store.set(first, value(bytes))
      for (let i = 0; i < others.length; i += 500) {
        await Promise.all(others.slice(i, i + 500).map((key) => store.set(key, value(bytes))))
      }
    })
  }

  /**
   * Resolves to a directory of files that the JavaScript store wrote. Each file has a different salt.
   *
   * @param {number} count
   */
  async foreignFiles(count) {
    return this.#once(`baseline ${count}`, async (directory) => {
      const store = new BaselineStore(SERVICE, directory, await this.#machineSecret())
      await Promise.all(keys(count).map((key) => store.set(key, value(SMALL))))
    })
  }

  /**
   * Resolves to a directory of files of version 1, without a machine secret, so that derived keys are not cached.
   *
   * @param {number} count
   */
  async filesOfVersion1(count) {
    return this.#once(`version 1 ${count}`, async (directory) => {
      const store = new SecureStore(SERVICE, { fallbackDir: directory, machineSecretLoader: async () => null })
      for (const key of keys(count)) await store.set(key, value(SMALL))
    })
  }

  /**
   * Returns a copy of a directory, to write to.
   *
   * @param {string} directory
   */
  copy(directory) {
    const copy = this.directory()
    cpSync(directory, copy, { recursive: true })
    return copy
  }

  remove() {
    rmSync(this.home, { recursive: true, force: true })
  }

  /** Resolves to the file of the machine secret, which the addon creates at its first write. */
  async #machineSecret() {
    return machineSecretOf(await this.files(1))
  }

  /**
   * @param {string} name
   * @param {(directory: string) => Promise<void>} fill
   */
  async #once(name, fill) {
    const made = this.#made.get(name)
    if (made !== undefined) return made
    const directory = this.directory()
    await fill(directory)
    this.#made.set(name, directory)
    return directory
  }
}

module.exports = { Fixtures, LARGE, SERVICE, SMALL, inFiles, keys, machineSecretOf, value }
