// @ts-check
'use strict'

// The encrypted files as the TypeScript store kept them, written from the description of it: a key derived anew by every
// call (scrypt of node:crypto, off the JavaScript thread), AES-256-GCM, one JSON envelope per key, a temporary file that is
// fsynced and renamed over the old one. The directory is not fsynced: nothing says that the TypeScript did so, and without
// it the baseline is the faster one. Listing and reading everything goes one key after the other, as it did there.

const { createCipheriv, createDecipheriv, createHash, randomBytes, scrypt } = require('node:crypto')
const { mkdir, open, readFile, readdir, rename } = require('node:fs/promises')
const os = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')

const ENDING = '.enc'
const [SALT, NONCE, TAG, KEY] = [16, 12, 16, 32]
const KDF = { N: 16384, r: 8, p: 1 }

/** @type {(password: string, salt: Buffer, length: number, options: typeof KDF) => Promise<Buffer>} */
const derive = promisify(scrypt)

class BaselineStore {
  #directory
  #password

  /**
   * @param {string} service
   * @param {string} directory of the files
   */
  constructor(service, directory) {
    const machine = createHash('sha256').update(`${os.hostname()}${os.userInfo().username}`).digest('hex')
    this.#directory = directory
    this.#password = `${service}-${machine}`
  }

  /**
   * @param {string} key
   * @param {string} value
   */
  async set(key, value) {
    const [salt, nonce] = [randomBytes(SALT), randomBytes(NONCE)]
    const cipher = createCipheriv('aes-256-gcm', await derive(this.#password, salt, KEY, KDF), nonce)
    const sealed = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()])
    const data = Buffer.concat([salt, nonce, cipher.getAuthTag(), sealed]).toString('base64')
    const envelope = { v: 1, crypto: { alg: 'aes-256-gcm', kdf: 'scrypt', ...KDF, saltLen: SALT }, data }
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const temporary = this.#file(`${key}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`)
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(JSON.stringify(envelope))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, this.#file(`${key}${ENDING}`))
  }

  /**
   * @param {string} key
   * @returns {Promise<string | null>}
   */
  async get(key) {
    let text
    try {
      text = await readFile(this.#file(`${key}${ENDING}`), 'utf8')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
      throw error
    }
    const data = Buffer.from(JSON.parse(text).data, 'base64')
    const [salt, nonce] = [data.subarray(0, SALT), data.subarray(SALT, SALT + NONCE)]
    const opener = createDecipheriv('aes-256-gcm', await derive(this.#password, salt, KEY, KDF), nonce)
    opener.setAuthTag(data.subarray(SALT + NONCE, SALT + NONCE + TAG))
    return Buffer.concat([opener.update(data.subarray(SALT + NONCE + TAG)), opener.final()]).toString('utf8')
  }

  /** @returns {Promise<string[]>} the keys, sorted */
  async list() {
    const names = await readdir(this.#directory)
    return names
      .filter((name) => name.endsWith(ENDING))
      .map((name) => name.slice(0, -ENDING.length))
      .sort()
  }

  /** @returns {Promise<Array<string | null>>} the value of every key, one read after the other */
  async readAll() {
    const values = []
    for (const key of await this.list()) values.push(await this.get(key))
    return values
  }

  /** @param {string} name */
  #file(name) {
    return path.join(this.#directory, name)
  }
}

module.exports = { BaselineStore, derive, KDF }
