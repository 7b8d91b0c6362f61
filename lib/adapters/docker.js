'use strict'

// A keyring adapter that runs a docker credential helper.

const { withCache } = require('./cache.js')
const { KeyedQueue, Semaphore } = require('./concurrency.js')
const { storeError } = require('./errors.js')
const { escapeName, unescapeName } = require('./names.js')
const { checkOptionNames, environmentOption, millisecondsOption } = require('./options.js')
const { codeOf, runProgram } = require('./program.js')
const { decodeOutput, decodeValue, encodeValue } = require('./values.js')

const WHERE = 'createDockerCredentialAdapter'
const DEFAULT_TIMEOUT_MS = 20_000
const MAX_PROGRAMS = 4
/**
 * Helpers store one secret for each server URL. The top-level domain `.invalid` is reserved (RFC 2606), so no such host
 * exists.
 */
const URL_PREFIX = 'https://securestore.llxprt.invalid'
/**
 * Matches what helpers print if the entry does not exist. The first text is the protocol's, the second is that of `pass`.
 */
const NOT_FOUND = /credentials not found|no usernames for|could not be found|item not found/i

/**
 * Returns an adapter for `docker-credential-<name>`. Each call runs the program once.
 *
 * @param {string} name such as `pass`, `secretservice`, `osxkeychain` or `wincred`
 * @param {import('./index').DockerCredentialAdapterOptions} [options]
 * @returns {import('./index').RemoteKeyringAdapter}
 */
function createDockerCredentialAdapter(name, options = {}) {
  if (typeof name !== 'string' || !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) {
    throw new TypeError(`${WHERE}: the name must be letters, digits, '_', '.' and '-', such as 'pass'`)
  }
  checkOptionNames(WHERE, options, ['timeoutMs', 'cacheMs', 'env'])
  const timeoutMs = millisecondsOption(WHERE, options, 'timeoutMs', DEFAULT_TIMEOUT_MS)
  const env = environmentOption(WHERE, options)
  const program = `docker-credential-${name}`
  const slots = new Semaphore(MAX_PROGRAMS)
  const order = new KeyedQueue()

  /** Runs an action of the protocol. Resolves to its output, or to `null` if the entry does not exist. */
  const run = (action, input) =>
    slots.run(async () => {
      const { code, stdout, stderr } = await runProgram({ argv: [program, action], input, timeoutMs, env: env() })
      if (code === 0) return decodeOutput(stdout, program)
      // Helpers print errors on standard output.
      const words = `${stdout.subarray(0, 4_096).toString('utf8')}\n${stderr}`
      if (NOT_FOUND.test(words)) return null
      throw storeError(
        codeOf(words),
        `${program} ${action} failed with exit code ${code}`,
        `Run '${program} list' in a terminal to see the error`,
      )
    })
  const urlOf = (service, account) => `${URL_PREFIX}/${escapeName(service)}/${escapeName(account)}`

  const read = async (url) => {
    const output = await run('get', url)
    if (output === null) return null
    const { Username: username, Secret: secret } = parse(output, program)
    // Some versions return empty texts if the entry does not exist. This adapter never stores an empty secret.
    if (username === '' && secret === '') return null
    if (typeof secret !== 'string') throw storeError('CORRUPT', `${program} get printed no secret`)
    return decodeValue(secret)
  }

  const findAccounts = async (service) => {
    const output = await run('list', '')
    const prefix = `${URL_PREFIX}/${escapeName(service)}/`
    const urls = Object.keys(output === null ? {} : parse(output, program))
    const names = urls.filter((url) => url.startsWith(prefix)).map((url) => unescapeName(url.slice(prefix.length)))
    return names.filter((account) => account !== null)
  }

  const getPassword = async (service, account) => {
    const url = urlOf(service, account)
    return order.run(url, () => read(url))
  }

  const adapter = {
    name: program,
    getPassword,
    findAccounts,
    async setPassword(service, account, password) {
      const url = urlOf(service, account)
      const entry = { ServerURL: url, Username: escapeName(account), Secret: encodeValue(password) }
      await order.run(url, () => run('store', JSON.stringify(entry)))
    },
    async deletePassword(service, account) {
      const url = urlOf(service, account)
      return order.run(url, async () => {
        // Helpers report success even if the entry does not exist.
        if ((await read(url)) === null) return false
        await run('erase', url)
        return true
      })
    },
    async findCredentials(service) {
      const accounts = await findAccounts(service)
      const found = await Promise.all(
        accounts.map(async (account) => ({ account, password: await getPassword(service, account) })),
      )
      return found.filter(({ password }) => password !== null)
    },
  }
  return withCache(adapter, millisecondsOption(WHERE, options, 'cacheMs', 0))
}

/** Parses a JSON object. Errors do not contain the text. */
function parse(text, program) {
  try {
    const value = JSON.parse(text)
    if (value !== null && typeof value === 'object') return value
  } catch {
    // Reported below. The message of the parser would quote the text.
  }
  throw storeError('CORRUPT', `${program} printed no JSON object`)
}

module.exports = { createDockerCredentialAdapter }
