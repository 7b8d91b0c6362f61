// @ts-check
'use strict'

// Stores to measure: directories with a number of keys in them, and values of a size.

const { cpSync, mkdtempSync, rmSync } = require('node:fs')
const path = require('node:path')
const { SecureStore } = require('../index.js')
const { BaselineStore } = require('./baseline.js')

const SERVICE = 'securestore-bench'
/** Values are of these sizes, in bytes: an API key, and a token with its claims. */
const SMALL = 100
const LARGE = 10_000

/** @param {number} bytes */
function value(bytes) {
  return 'sk-bench-'.padEnd(bytes, '0123456789abcdef')
}

/**
 * As many names of keys.
 *
 * @param {number} count
 */
function keys(count) {
  return Array.from({ length: count }, (_, i) => `key-${String(i).padStart(4, '0')}`)
}

/** The options of a store that has its files here, and no keyring. @param {string} fallbackDir */
function inFiles(fallbackDir) {
  return { fallbackDir, keyringLoader: async () => null }
}

class Fixtures {
  #home
  /** @type {Map<string, string>} */
  #made = new Map()

  /** @param {string} parent the folder in which everything is made */
  constructor(parent) {
    this.#home = mkdtempSync(path.join(parent, 'securestore-bench-'))
  }

  /** A new, empty directory. */
  directory() {
    return mkdtempSync(path.join(this.#home, 'store-'))
  }

  /**
   * A directory of files that this addon wrote. The same one for the same arguments: to be read, not written to.
   *
   * @param {number} count how many keys
   * @param {number} [bytes] how long the values are
   */
  async files(count, bytes = SMALL) {
    return this.#once(`addon ${count} ${bytes}`, async (directory) => {
      const store = new SecureStore(SERVICE, inFiles(directory))
      // The others take over the first one's salt.
      const [first = '', ...others] = keys(count)
      await store.set(first, value(bytes))
      await Promise.all(others.map((key) => store.set(key, value(bytes))))
    })
  }

  /**
   * One that the JavaScript store wrote: each file has a salt of its own.
   *
   * @param {number} count
   */
  async foreignFiles(count) {
    return this.#once(`baseline ${count}`, async (directory) => {
      const store = new BaselineStore(SERVICE, directory)
      await Promise.all(keys(count).map((key) => store.set(key, value(SMALL))))
    })
  }

  /** A copy, to write to. @param {string} directory */
  copy(directory) {
    const copy = this.directory()
    cpSync(directory, copy, { recursive: true })
    return copy
  }

  remove() {
    rmSync(this.#home, { recursive: true, force: true })
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

module.exports = { Fixtures, LARGE, SERVICE, SMALL, inFiles, keys, value }
