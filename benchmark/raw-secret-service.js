// @ts-check
'use strict'

// The floor of a keyring write: a single `SetSecret` or `CreateItem` call on an open session. The session is `plain`, so
// that no time is spent on encryption.

const { DBusClient } = require('./dbus-client.js')

const NAME = 'org.freedesktop.secrets'
const SERVICE_PATH = '/org/freedesktop/secrets'
const COLLECTION_PATH = '/org/freedesktop/secrets/aliases/default'
const INTERFACE = 'org.freedesktop.Secret'

class RawSecretService {
  #client
  #session

  /**
   * Connects and opens a session.
   *
   * @param {string} address of the bus
   */
  static async connect(address) {
    const client = await DBusClient.connect(address)
    const args = ['plain', ['s', '']]
    const [, session] = await client.call(NAME, SERVICE_PATH, `${INTERFACE}.Service`, 'OpenSession', 'sv', args)
    return new RawSecretService(client, String(session))
  }

  /**
   * @param {InstanceType<typeof DBusClient>} client
   * @param {string} session
   */
  constructor(client, session) {
    this.#client = client
    this.#session = session
  }

  /**
   * Returns the paths of the items with these attributes.
   *
   * @param {Record<string, string>} attributes
   * @returns {Promise<string[]>}
   */
  async find(attributes) {
    const args = [Object.entries(attributes)]
    const found = await this.#client.call(NAME, SERVICE_PATH, `${INTERFACE}.Service`, 'SearchItems', 'a{ss}', args)
    return /** @type {string[][]} */ (found).flat()
  }

  /**
   * Lists items like any client must: with one search, and then the attributes of every item that was found.
   *
   * @param {Record<string, string>} attributes
   * @returns {Promise<unknown[]>} the attributes of each item
   */
  async list(attributes) {
    const items = await this.find(attributes)
    const args = [`${INTERFACE}.Item`, 'Attributes']
    const properties = 'org.freedesktop.DBus.Properties'
    return Promise.all(items.map((item) => this.#client.call(NAME, item, properties, 'Get', 'ss', args)))
  }

  /**
   * Reads the secrets of items in one call.
   *
   * @param {readonly string[]} items
   */
  async secrets(items) {
    const [secrets] = await this.#client.call(NAME, SERVICE_PATH, `${INTERFACE}.Service`, 'GetSecrets', 'aoo', [
      items,
      this.#session,
    ])
    return /** @type {unknown[]} */ (secrets)
  }

  /**
   * Replaces the secret of an item.
   *
   * @param {string} item
   * @param {string} value
   */
  async replace(item, value) {
    await this.#client.call(NAME, item, `${INTERFACE}.Item`, 'SetSecret', '(oayays)', [this.#secret(value)])
  }

  /**
   * Creates an item and returns its path.
   *
   * @param {Record<string, string>} attributes
   * @param {string} value
   */
  async create(attributes, value) {
    const properties = [
      [`${INTERFACE}.Item.Label`, ['s', 'securestore benchmark']],
      [`${INTERFACE}.Item.Attributes`, ['a{ss}', Object.entries(attributes)]],
    ]
    const args = [properties, this.#secret(value), false]
    const collection = `${INTERFACE}.Collection`
    const [item] = await this.#client.call(NAME, COLLECTION_PATH, collection, 'CreateItem', 'a{sv}(oayays)b', args)
    return String(item)
  }

  /** @param {string} item */
  async delete(item) {
    await this.#client.call(NAME, item, `${INTERFACE}.Item`, 'Delete')
  }

  close() {
    this.#client.close()
  }

  /** @param {string} value */
  #secret(value) {
    return [this.#session, Buffer.alloc(0), Buffer.from(value), 'text/plain']
  }
}

module.exports = { RawSecretService }
