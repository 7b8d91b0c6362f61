'use strict'

// Sends HTTP requests to a Vault server, with retries and a time limit. Errors contain no token, no body and nothing else
// that the server sent.

const http = require('node:http')
const https = require('node:https')
const { storeError } = require('./errors.js')

/** The maximum size of a response. A list of 10,000 names takes about 1 MiB. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024
const MAX_CONNECTIONS = 16
const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 2_000

/**
 * A response. `attempts` is the number of requests that may have taken effect.
 *
 * @typedef {{ status: number, body: any, attempts: number }} Response
 */

class VaultClient {
  #agent
  #options
  #transport

  /** @param {{ address: URL, namespace?: string, token: () => string }} options */
  constructor(options) {
    this.#options = options
    this.#transport = options.address.protocol === 'https:' ? https : http
    // Idle connections of a Node.js agent do not keep the process alive.
    this.#agent = new this.#transport.Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS })
  }

  /** The name of the server in error messages. */
  get name() {
    return `The Vault server at ${this.#options.address.host}`
  }

  get hasNamespace() {
    return this.#options.namespace !== undefined
  }

  /**
   * Sends a request. Retries it while the server limits the rate (429) or fails (5xx).
   *
   * @param {import('./concurrency.js').Deadline} deadline
   * @param {string} method
   * @param {string[]} path segments after `/v1/`
   * @param {{ body?: object, query?: string }} [options]
   * @returns {Promise<Response>} a response with a status other than 429, 5xx or a redirection
   */
  async request(deadline, method, path, { body, query = '' } = {}) {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    let attempts = 0
    for (let round = 1; ; round += 1) {
      const response = await this.#exchange(deadline, method, `${path.join('/')}${query}`, payload)
      const { status } = response
      attempts += response.attempts
      if (status >= 300 && status < 400) {
        throw storeError(
          'UNAVAILABLE',
          `${this.name} redirects to another address`,
          'Use the address of the active server',
        )
      }
      if (status !== 429 && status < 500) return { ...response, attempts }
      if (status === 503 && (await this.#isSealed(deadline))) {
        throw storeError('LOCKED', `${this.name} is sealed`, 'Ask an administrator to unseal the server')
      }
      const delay = response.retryAfterMs ?? backOff(round)
      if (delay >= deadline.remainingMs) throw deadline.error(this.name, ` (its last answer was ${status})`)
      await deadline.sleep(delay)
      if (deadline.isOver) throw deadline.error(this.name, ` (its last answer was ${status})`)
    }
  }

  /** Returns whether a server that answered 503 is sealed. If it is not, it is only temporarily unavailable. */
  async #isSealed(deadline) {
    const { status, body } = await this.#exchange(deadline, 'GET', 'sys/seal-status', undefined, false)
    return status === 200 && body?.sealed === true
  }

  /** Sends one request. If the server closed the idle connection, sends it once more on a new one. */
  async #exchange(deadline, method, path, payload, authenticated = true) {
    const send = () => this.#send(deadline, method, path, payload, authenticated)
    try {
      try {
        return { ...(await send()), attempts: 1 }
      } catch (error) {
        if (!error.staleConnection) throw error
        return { ...(await send()), attempts: 2 }
      }
    } catch (error) {
      if (error.name === 'SecureStoreError') throw error
      if (deadline.isOver) throw deadline.error(this.name)
      const code = typeof error.code === 'string' ? error.code : 'no connection'
      throw storeError(
        'UNAVAILABLE',
        `${this.name} cannot be reached (${code})`,
        /CERT|SIGN|ISSUER|TLS|SSL/.test(code)
          ? 'Set NODE_EXTRA_CA_CERTS to the file of the authority that issued its certificate'
          : 'Check the address, the network and whether the server is running',
      )
    }
  }

  #send(deadline, method, path, payload, authenticated) {
    const { address, namespace, token } = this.#options
    const headers = { accept: 'application/json', 'x-vault-request': 'true' }
    if (namespace !== undefined) headers['x-vault-namespace'] = namespace
    if (authenticated) headers['x-vault-token'] = token()
    if (payload) Object.assign(headers, { 'content-type': 'application/json', 'content-length': payload.length })
    const url = new URL(address)
    const [pathname, query = ''] = path.split('?')
    url.pathname = `${address.pathname.replace(/\/$/, '')}/v1/${pathname}`
    url.search = query
    return new Promise((resolve, reject) => {
      const request = this.#transport.request(url, { method, headers, agent: this.#agent, signal: deadline.signal })
      request.on('error', (error) => {
        reject(Object.assign(error, { staleConnection: request.reusedSocket && !deadline.isOver && !request.answered }))
      })
      request.on('response', (response) => {
        request.answered = true
        this.#read(response).then(resolve, reject)
      })
      request.end(payload)
    })
  }

  async #read(response) {
    const { statusCode: status, headers } = response
    const chunks = []
    let size = 0
    for await (const chunk of response) {
      size += chunk.length
      if (size > MAX_RESPONSE_BYTES) {
        response.destroy()
        throw storeError('UNAVAILABLE', `${this.name} sent more than ${MAX_RESPONSE_BYTES} bytes`)
      }
      chunks.push(chunk)
    }
    return { status, body: parse(Buffer.concat(chunks)), retryAfterMs: retryAfter(headers['retry-after']) }
  }
}

/** Parses a body; `null` if it is not JSON. */
function parse(bytes) {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}

/** Returns the milliseconds of a `Retry-After` header, which holds seconds or a date; `undefined` if there is none. */
function retryAfter(header) {
  if (header === undefined) return undefined
  const milliseconds = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now()
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds)
}

/**
 * Returns the delay before a retry, which doubles with each round. Half of it is random, so that clients do not retry in
 * step.
 */
function backOff(round) {
  const delay = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (round - 1))
  return delay / 2 + (Math.random() * delay) / 2
}

module.exports = { VaultClient }
