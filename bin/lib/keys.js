'use strict'

// What can be done with named keys. How they are kept, masked and checked is the addon's business.

const { Failure, UsageError } = require('./failures.js')
const { ask, askHidden, isInteractive, readInput } = require('./input.js')
const { complain, paint, printable, say } = require('./output.js')
const { PLACES, look } = require('./places.js')
const { runWith, variableFor } = require('./run.js')

const FORCE = { force: { type: 'boolean' } }
const JSON_OUTPUT = { json: { type: 'boolean' } }

const COMMANDS = {
  save: {
    usage: 'save <name> [--force]',
    summary: 'Store a key, typed at a hidden prompt or piped in',
    details: 'On a terminal it asks for the key, and before it overwrites one. Elsewhere it reads standard input.',
    names: ['name'],
    surplus: 'A key is no argument: it is asked for, or read from standard input.',
    options: FORCE,
    optionHelp: [['--force', 'overwrite without asking']],
    run: save,
  },
  list: {
    usage: 'list [--json]',
    summary: 'Show all keys, masked',
    names: [],
    options: JSON_OUTPUT,
    optionHelp: [['--json', 'names and places, for programs: { keys: [{ name, place, readable }] }']],
    run: list,
  },
  show: {
    usage: 'show <name>',
    summary: 'Show a key, masked',
    names: ['name'],
    run: show,
  },
  delete: {
    usage: 'delete <name> [--force]',
    summary: 'Remove a key',
    details: 'On a terminal it asks first.',
    names: ['name'],
    options: FORCE,
    optionHelp: [['--force', 'remove without asking']],
    run: remove,
  },
  rename: {
    usage: 'rename <old> <new> [--force]',
    summary: 'Give a key another name',
    details: 'The old one goes only when the new one was read back.',
    names: ['old', 'new'],
    options: FORCE,
    optionHelp: [['--force', 'overwrite a key that has the new name']],
    run: rename,
  },
  run: {
    usage: 'run <name> [--as VAR] -- <command>',
    summary: 'Run a command that has a key in its environment',
    details: `The variable is the one of the provider that the name begins with (openai, openai-work: OPENAI_API_KEY), else
API_KEY. Signals go to the command, and its exit code comes back: 128 and its number for a signal, 127 when there is no
such command.`,
    names: ['name'],
    takesProgram: true,
    options: { as: { type: 'string' } },
    optionHelp: [['--as VAR', 'put the key into this environment variable']],
    run: runProgram,
  },
}

async function save({ names: [name], options: { force } }) {
  checkName(name, 'save')
  const keys = storage()
  if (!force && !(await mayOverwrite(keys, name))) throw new Failure('Nothing was saved.')
  const key = isInteractive() ? await askHidden(`API key for '${name}' (hidden): `) : await readInput()
  await keys.saveKey(name, key)
  // Saved it is, also when it cannot be looked at.
  const saved = await keys.getKey(name).catch(() => null)
  const place = (await look()).placeOf(name, saved)
  const where = { keyring: ` in ${PLACES.keyring}`, file: ` in ${PLACES.file} because the keyring is unavailable` }
  say(`Saved key '${name}' (${mask(saved ?? key.trim())})${where[place] ?? ''}`)
}

/** Whether there is no such key yet, or whoever can be asked agrees. */
async function mayOverwrite(keys, name) {
  const found = await keys.hasKey(name).catch((error) => error)
  if (found === false) return true
  if (found === true) {
    if (isInteractive()) return ask(`Key '${name}' already exists. Overwrite?`)
    throw new Failure(`Key '${name}' already exists.`, 'Use --force to overwrite it.')
  }
  // Without a keyring there is nothing that could be overwritten unseen.
  if (found.code === 'UNAVAILABLE') return true
  if (isInteractive()) return ask(`Cannot tell whether key '${name}' exists (${found.message}). Save anyway?`)
  throw found
}

async function list({ options: { json } }) {
  const keys = storage()
  const found = await Promise.all((await keys.listKeys()).map((name) => read(keys, name)))
  const { error, placeOf } = await look()
  if (json) {
    const entry = ({ name, key }) => ({ name, place: placeOf(name, key), readable: key !== undefined })
    say(JSON.stringify({ keys: found.map(entry) }, null, 2))
  } else if (found.length > 0) {
    printTable(found)
  } else if (!error) {
    say("No saved keys. Use 'llxprt-key save <name>' to store one.")
  }
  if (!error) return 0
  // What is in a keyring that cannot be read is missing from the list: "no more keys" would be a lie.
  complain(`The OS keyring cannot be read: ${error.message}`, error.remediation)
  return 1
}

function printTable(found) {
  const width = Math.max(...found.map(({ name }) => name.length))
  for (const { name, key } of found) {
    const shown = key === undefined ? paint('yellow', '(unable to retrieve)') : paint('faint', mask(key))
    say(`${printable(name).padEnd(width)}  ${shown}`)
  }
}

/** A key that is listed; without `key` when it cannot be read. */
async function read(keys, name) {
  const key = await keys.getKey(name).catch(() => null)
  return key === null ? { name } : { name, key }
}

async function show({ names: [name] }) {
  checkName(name, 'show')
  const key = await load(name)
  say(`${name}: ${mask(key)} (${[...key].length} chars)`)
}

async function remove({ names: [name], options: { force } }) {
  checkName(name, 'delete')
  const keys = storage()
  if (!force) {
    // One that is damaged is there, too, and deleting is what helps.
    if ((await keys.hasKey(name).catch(() => true)) === false) throw notFound(name)
    if (!isInteractive()) throw new Failure(`There is nobody to ask whether to delete key '${name}'.`, 'Use --force.')
    if (!(await ask(`Delete key '${name}'?`))) throw new Failure('Nothing was deleted.')
  }
  if (!(await keys.deleteKey(name))) throw notFound(name)
  say(`Deleted key '${name}'`)
}

async function rename({ names: [from, to], options: { force } }) {
  checkName(from, 'rename')
  checkName(to, 'rename')
  if (from === to) throw new UsageError('The new name is the old one.', 'rename')
  const keys = storage()
  const key = await load(from)
  await checkFree(keys, from, to, force)
  await keys.saveKey(to, key)
  const copy = await keys.getKey(to)
  // What another program stored may have had white space around it, which no saved key has (R10).
  if (copy !== key.trim()) throw new Failure(`Key '${to}' is not what was saved; '${from}' is as it was.`, 'Try again.')
  try {
    await keys.deleteKey(from)
  } catch (error) {
    throw new Failure(`Key '${to}' is saved, but '${from}' is still there: ${error.message}`, error.remediation)
  }
  say(`Renamed key '${from}' to '${to}'`)
}

async function checkFree(keys, from, to, force) {
  const sameButCase = from.toLowerCase() === to.toLowerCase()
  if ((force && !sameButCase) || !(await keys.hasKey(to))) return
  if (!sameButCase) throw new Failure(`Key '${to}' already exists.`, 'Use --force to overwrite it.')
  // Where case does not count both are one entry, and deleting the old one would delete the key.
  throw new Failure(
    `Key '${to}' already exists, or is '${from}' itself: on some systems case does not count.`,
    'Rename to a third name first.',
  )
}

async function runProgram({ names: [name], options, program }) {
  checkName(name, 'run')
  const variable = variableFor(name, options.as)
  return runWith(variable, await load(name), program)
}

/** The key of a name; a name that has none is an error. */
async function load(name) {
  const key = await storage().getKey(name)
  if (key === null) throw notFound(name)
  return key
}

/** A name that is none is not repeated: it may be a key. */
function checkName(name, word) {
  try {
    addon().validateKeyName(name)
  } catch {
    throw new UsageError(
      'The name is invalid: only letters, numbers, dashes, underscores and dots, 1 to 64 of them.',
      word,
    )
  }
}

function notFound(name) {
  return new Failure(`Key '${name}' not found.`, "Use 'llxprt-key list' to see saved keys.")
}

function mask(key) {
  return printable(addon().maskKeyForDisplay(key))
}

function storage() {
  return addon().getProviderKeyStorage()
}

function addon() {
  return require('../../index.js')
}

module.exports = { COMMANDS }
