// @ts-check
'use strict'

// The OS keyring as the TypeScript store used it: an `AsyncEntry` of @napi-rs/keyring for every call, the accounts from
// `findCredentialsAsync`, and everything read one account after the other. Beside it, the fastest that package can do.

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

  /** @param {string} account */
  get(account) {
    return new AsyncEntry(this.#service, account).getPassword()
  }

  /** @param {string} account */
  async has(account) {
    return (await this.get(account)) !== null
  }

  /** @returns {Promise<string[]>} the accounts, sorted */
  async list() {
    return (await findCredentialsAsync(this.#service)).map(({ account }) => account).sort()
  }

  /** @returns {Promise<Array<string | null>>} the password of every account, one read after the other */
  async readAll() {
    const values = []
    for (const account of await this.list()) values.push(await this.get(account))
    return values
  }

  /** The same on the JavaScript thread, which waits for it. @param {string} account */
  getSync(account) {
    return new Entry(this.#service, account).getPassword()
  }

  /** Everything in one call: listing reads the passwords, too. @returns {Promise<string[]>} */
  async readAllAtOnce() {
    return (await findCredentialsAsync(this.#service)).map(({ password }) => password)
  }
}

module.exports = { KeyringBaseline }
