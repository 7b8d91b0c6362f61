// @ts-check
'use strict'

// The encrypted files of the TypeScript store, implemented from the description of its format. Every call derives the key
// again (scrypt of node:crypto, off the JavaScript thread). Each key is one JSON envelope with AES-256-GCM, written to a
// temporary file that is fsynced and renamed. The directory is not fsynced, which makes this baseline faster. Reading all
// keys reads one key after the other, like the TypeScript store.

const { createCipheriv, createHash, randomBytes, scrypt } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { mkdir, open, readFile, readdir, rename } = require('node:fs/promises')
const os = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')
const { NONCE, SALT, decrypt } = require('./envelope.js')

const EXTENSION = '.enc'
/** The size of a key in bytes. */
const KEY = 32
const KDF = { N: 16384, r: 8, p: 1 }

/** @type {(password: string, salt: Buffer, length: number, options: typeof KDF) => Promise<Buffer>} */
const derive = promisify(scrypt)

class BaselineStore {
  #directory
  #password
  #version

  /**
   * @param {string} service
   * @param {string} directory where the files are
   * @param {string} [machineSecretFile] with it, files of version 2 are read and written; without it, of version 1
   */
  constructor(service, directory, machineSecretFile) {
    this.#directory = directory
    this.#password = passwordOf(service, machineSecretFile)
    this.#version = machineSecretFile === undefined ? 1 : 2
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
    const envelope = { v: this.#version, crypto: { alg: 'aes-256-gcm', kdf: 'scrypt', ...KDF, saltLen: SALT }, data }
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const temporary = this.#file(`${key}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`)
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(JSON.stringify(envelope))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, this.#file(`${key}${EXTENSION}`))
  }

  /**
   * @param {string} key
   * @returns {Promise<string | null>}
   */
  async get(key) {
    let text
    try {
      text = await readFile(this.#file(`${key}${EXTENSION}`), 'utf8')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
      throw error
    }
    const data = Buffer.from(JSON.parse(text).data, 'base64')
    return decrypt(data, await derive(this.#password, data.subarray(0, SALT), KEY, KDF))
  }

  /** @returns {Promise<string[]>} the keys, sorted */
  async list() {
    const names = await readdir(this.#directory)
    return names
      .filter((name) => name.endsWith(EXTENSION))
      .map((name) => name.slice(0, -EXTENSION.length))
      .sort()
  }

  /** @returns {Promise<Array<string | null>>} the value of every key, read one after the other */
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

/**
 * Returns the password that keys are derived from.
 *
 * @param {string} service
 * @param {string} [machineSecretFile]
 */
function passwordOf(service, machineSecretFile) {
  const machine = createHash('sha256').update(`${os.hostname()}${os.userInfo().username}`).digest('hex')
  if (machineSecretFile === undefined) return `${service}-${machine}`
  const secret = Buffer.from(readFileSync(machineSecretFile, 'utf8').trim(), 'base64')
  return `${secret.toString('hex')}|${service}|${machine}`
}

module.exports = { BaselineStore, KDF, KEY, derive, passwordOf }
