// @ts-check
'use strict'

// A minimal D-Bus client: method calls over a Unix socket.

const { connect } = require('node:net')
const { marshal, unmarshal } = require('./dbus-wire.js')

const CALL = 1
const REPLY = 2
const ERROR = 3
/** Header fields. */
const FIELDS = { path: 1, interface: 2, member: 3, replySerial: 5, destination: 6, signature: 8 }
/** The header without its fields: byte order, type, flags, version, body length, serial. */
const FIXED = 12

class DBusClient {
  #socket
  #serial = 0
  #received = Buffer.alloc(0)
  /** @type {Map<number, (reply: { type: number, values: unknown[] }) => void>} */
  #waiting = new Map()

  /**
   * Connects to a bus and registers on it.
   *
   * @param {string} address as in `DBUS_SESSION_BUS_ADDRESS`
   */
  static async connect(address) {
    const path = /^unix:path=([^,;]+)/.exec(address)?.[1]
    if (path === undefined) throw new TypeError(`Not the address of a Unix socket: ${address}`)
    const client = new DBusClient(connect({ path: decodeURIComponent(path) }))
    await client.#authenticate()
    await client.call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'Hello')
    return client
  }

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.#socket = socket
  }

  /**
   * Calls a method.
   *
   * @param {string} destination
   * @param {string} path
   * @param {string} interfaceName
   * @param {string} member
   * @param {string} [signature] of the arguments
   * @param {readonly unknown[]} [args]
   * @returns {Promise<unknown[]>} the values of the reply; rejects when the service answers with an error
   */
  async call(destination, path, interfaceName, member, signature = '', args = []) {
    this.#serial += 1
    const serial = this.#serial
    const body = marshal(signature, args)
    /** @type {Array<[number, [string, string]]>} */
    const fields = [
      [FIELDS.path, ['o', path]],
      [FIELDS.interface, ['s', interfaceName]],
      [FIELDS.member, ['s', member]],
      [FIELDS.destination, ['s', destination]],
    ]
    if (signature !== '') fields.push([FIELDS.signature, ['g', signature]])
    const header = marshal('yyyyuua(yv)', ['l'.charCodeAt(0), CALL, 0, 1, body.length, serial, fields])
    const padding = Buffer.alloc(-header.length & 7)
    /** @type {Promise<{ type: number, values: unknown[] }>} */
    const reply = new Promise((resolve) => this.#waiting.set(serial, resolve))
    this.#socket.write(Buffer.concat([header, padding, body]))
    const { type, values } = await reply
    if (type === ERROR) throw new Error(`${member} failed: ${values[0] ?? 'no reason given'}`)
    return values
  }

  close() {
    this.#socket.destroy()
  }

  async #authenticate() {
    const uid = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex')
    await new Promise((resolve, reject) => {
      this.#socket.once('error', reject)
      this.#socket.once('data', (answer) => {
        if (answer.toString().startsWith('OK ')) resolve(undefined)
        else reject(new Error('The bus refused to authenticate this user'))
      })
      this.#socket.write(`\0AUTH EXTERNAL ${uid}\r\n`)
    })
    this.#socket.write('BEGIN\r\n')
    this.#socket.on('data', (chunk) => this.#receive(chunk))
  }

  /** @param {Buffer} chunk */
  #receive(chunk) {
    this.#received = Buffer.concat([this.#received, chunk])
    for (;;) {
      const message = this.#next()
      if (message === undefined) return
      if (message.type !== REPLY && message.type !== ERROR) continue
      this.#waiting.get(message.serial)?.(message)
      this.#waiting.delete(message.serial)
    }
  }

  /** Takes the next complete message from the received bytes. */
  #next() {
    if (this.#received.length < FIXED + 4) return undefined
    const [, type = 0] = this.#received
    const bodyLength = this.#received.readUInt32LE(4)
    const header = FIXED + 4 + this.#received.readUInt32LE(FIXED)
    const start = header + (-header & 7)
    if (this.#received.length < start + bodyLength) return undefined
    const [fields] = /** @type {[Array<[number, any]>]} */ (
      unmarshal('yyyyuua(yv)', this.#received.subarray(0, header)).slice(6)
    )
    const { [FIELDS.replySerial]: serial, [FIELDS.signature]: signature = '' } = Object.fromEntries(fields)
    const body = this.#received.subarray(start, start + bodyLength)
    const values = type === REPLY || type === ERROR ? unmarshal(signature, body) : []
    this.#received = this.#received.subarray(start + bodyLength)
    return { type, serial, values }
  }
}

module.exports = { DBusClient }
