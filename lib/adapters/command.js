'use strict'

// A keyring adapter that runs programs of the user's choice.

const path = require('node:path')
const { withCache } = require('./cache.js')
const { KeyedQueue, Semaphore } = require('./concurrency.js')
const { storeError } = require('./errors.js')
const { escapeName, unescapeName } = require('./names.js')
const { checkOptionNames, environmentOption, millisecondsOption } = require('./options.js')
const { codeOf, runProgram } = require('./program.js')
const { decodeOutput, decodeValue, encodeValue } = require('./values.js')

const WHERE = 'createCommandAdapter'
const COMMANDS = ['get', 'set', 'delete', 'list']
const DEFAULT_TIMEOUT_MS = 20_000
const MAX_PROGRAMS = 4
/** Matches what `pass`, `gopass`, `op` and similar programs print if the entry does not exist, and no other failure. */
const NOT_FOUND =
  /not in the password store|could not find (password|secret|entry|item)|isn't an item|could not be found|\b(item|entry|secret|key|credential)s? (was |is |does )?not (be )?(found|exist)/i

/**
 * Returns an adapter that runs a program for each call.
 *
 * Each command is an array of a program and its arguments. In the arguments, `{service}` and `{account}` are replaced by the
 * escaped names. `get` prints the secret, `set` reads it from its standard input, and `list` prints one escaped account per
 * line. Without the command `set` or `delete`, these calls reject with `DENIED`.
 *
 * @param {import('./index').CommandAdapterOptions} options
 * @returns {import('./index').RemoteKeyringAdapter}
 */
function createCommandAdapter(options) {
  checkOptionNames(WHERE, options, [...COMMANDS, 'timeoutMs', 'cacheMs', 'env'])
  if (options.get === undefined) throw new TypeError(`${WHERE}: option 'get' is missing`)
  const commands = Object.fromEntries(COMMANDS.map((name) => [name, checkCommand(name, options[name])]))
  const timeoutMs = millisecondsOption(WHERE, options, 'timeoutMs', DEFAULT_TIMEOUT_MS)
  const env = environmentOption(WHERE, options)
  const slots = new Semaphore(MAX_PROGRAMS)
  const order = new KeyedQueue()
  const name = `command ${path.basename(commands.get[0])}`

  const start = (command, names, input) =>
    slots.run(() => runProgram({ argv: fill(commands[command], names), input, timeoutMs, env: env() }))

  const failed = (command, { code, stderr }) =>
    storeError(
      codeOf(stderr),
      `The ${command} command of keyring adapter '${name}' failed with exit code ${code}`,
      `Run ${commands[command][0]} in a terminal to see the error`,
    )

  const readOnly = (command) =>
    storeError(
      'DENIED',
      `Keyring adapter '${name}' is read-only: it has no ${command} command`,
      `Change the entry with the program that stores it, or add a '${command}' command`,
    )

  const findAccounts = async (service) => {
    const outcome = await start('list', { service: escapeName(service) })
    if (outcome.code !== 0) {
      if (NOT_FOUND.test(outcome.stderr)) return []
      throw failed('list', outcome)
    }
    const lines = decodeOutput(outcome.stdout, name).split(/\r?\n/)
    const names = lines.map((line) => unescapeName(line.slice(line.lastIndexOf('/') + 1)))
    return [...new Set(names.filter((account) => account !== null))]
  }

  /** Returns whether a command failed because the entry does not exist. */
  const isAbsent = async (outcome, service, account) => {
    if (NOT_FOUND.test(outcome.stderr)) return true
    return commands.list !== undefined && !(await findAccounts(service)).includes(account)
  }

  /** Runs a job for an entry after the earlier jobs for the same entry. */
  const forEntry = async (service, account, job) => {
    const names = { service: escapeName(service), account: escapeName(account) }
    return order.run(`${names.service}/${names.account}`, () => job(names))
  }

  const getPassword = (service, account) =>
    forEntry(service, account, async (names) => {
      const outcome = await start('get', names)
      if (outcome.code === 0) return decodeValue(withoutLineEnd(decodeOutput(outcome.stdout, name)))
      if (await isAbsent(outcome, service, account)) return null
      throw failed('get', outcome)
    })

  const adapter = {
    name,
    getPassword,
    setPassword: (service, account, password) =>
      forEntry(service, account, async (names) => {
        if (commands.set === undefined) throw readOnly('set')
        const outcome = await start('set', names, encodeValue(password))
        if (outcome.code !== 0) throw failed('set', outcome)
      }),
    deletePassword: (service, account) =>
      forEntry(service, account, async (names) => {
        if (commands.delete === undefined) throw readOnly('delete')
        const outcome = await start('delete', names)
        if (outcome.code === 0) return true
        if (await isAbsent(outcome, service, account)) return false
        throw failed('delete', outcome)
      }),
  }
  if (commands.list !== undefined) {
    adapter.findAccounts = findAccounts
    adapter.findCredentials = async (service) => {
      const accounts = await findAccounts(service)
      const found = await Promise.all(
        accounts.map(async (account) => ({ account, password: await getPassword(service, account) })),
      )
      return found.filter(({ password }) => password !== null)
    }
  }
  return withCache(adapter, millisecondsOption(WHERE, options, 'cacheMs', 0))
}

function checkCommand(name, command) {
  if (command === undefined || command === null) return undefined
  const isCommand = Array.isArray(command) && command.length > 0 && command.every(isArgument)
  if (!isCommand) {
    throw new TypeError(`${WHERE}: option '${name}' must be an array of strings: a program and its arguments`)
  }
  if (/\{(service|account)\}/.test(command[0])) {
    throw new TypeError(`${WHERE}: option '${name}' must not contain {service} or {account} in the program`)
  }
  return [...command]
}

function isArgument(argument, index) {
  return typeof argument === 'string' && !argument.includes('\0') && (index > 0 || argument !== '')
}

/** Replaces the placeholders in one pass, so that a placeholder inside a name is not replaced. */
function fill(command, names) {
  return command.map((argument) =>
    argument.replace(/\{(service|account)\}/g, (placeholder, name) => names[name] ?? placeholder),
  )
}

/** Removes the line end that programs print after a value. Values that end with a line end are stored encoded. */
function withoutLineEnd(text) {
  return text.replace(/\r?\n$/, '')
}

module.exports = { createCommandAdapter }
