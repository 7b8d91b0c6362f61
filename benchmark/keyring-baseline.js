// @ts-check
'use strict'

// The OS keyring as the TypeScript store uses it: an `AsyncEntry` of @napi-rs/keyring per call, the accounts from
// `findCredentialsAsync`, and one account read after the other. Also the fastest calls of that package.

const { AsyncEntry, Entry, findCredentialsAsync } = require('@napi-rs/keyring')

class KeyringBaseline {
  #service

  /** @param {string} service */
  constructor(service) {
    this.#service = service
  }

  /**
   * @param {string} account
   * @param {string} value
   */
  set(account, value) {
    return new AsyncEntry(this.#service, account).setPassword(value)
  }

  /**
   * Writes a value and reads it back, which is a verified write with this package.
   *
   * @param {string} account
   * @param {string} value
   */
  async setVerified(account, value) {
    const entry = new AsyncEntry(this.#service, account)
    await entry.setPassword(value)
    if ((await entry.getPassword()) !== value) throw new Error('@napi-rs/keyring read back another value')
  }

  /** @param {string} account */
  get(account) {
    return new AsyncEntry(this.#service, account).getPassword()
  }

  /** @param {string} account */
  delete(account) {
    return new AsyncEntry(this.#service, account).deletePassword()
  }

  /** @param {string} account */
  async has(account) {
    return (await this.get(account)) !== null
  }

  /** @returns {Promise<string[]>} the accounts, sorted */
  async list() {
    return (await findCredentialsAsync(this.#service)).map(({ account }) => account).sort()
  }

  /** @returns {Promise<Array<string | null>>} the password of every account, read one after the other */
  async readAll() {
    const values = []
    for (const account of await this.list()) values.push(await this.get(account))
    return values
  }

  /**
   * Reads on the JavaScript thread, which it blocks.
   *
   * @param {string} account
   */
  getSync(account) {
    return new Entry(this.#service, account).getPassword()
  }

  /** Reads all passwords in one call. @returns {Promise<string[]>} */
  async readAllAtOnce() {
    return (await findCredentialsAsync(this.#service)).map(({ password }) => password)
  }
}

module.exports = { KeyringBaseline }
