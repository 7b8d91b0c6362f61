'use strict'

const { remedyFor } = require('../advice.js')
const { CommandError } = require('../errors.js')
const { askHidden, confirm, isInteractive, readInput } = require('../input.js')
const { LOCATIONS, checkName, locate, mask, storage } = require('../key-store.js')
const { print, printError } = require('../output.js')
const { currentSystem } = require('../system.js')

const save = {
  usage: 'save <name> [--force]',
  synopsis: 'save <name>',
  summary: 'Save a key, typed at a hidden prompt or piped in',
  details: 'On a terminal, it asks for the key, and before it overwrites one. Otherwise it reads standard input.',
  names: ['name'],
  completes: 'saved names',
  surplus: 'The key cannot be an argument. Type it at the prompt or pipe it to standard input.',
  options: { force: { type: 'boolean' } },
  optionHelp: [['--force', 'Overwrite without asking']],
  examples: ['llxprt-key save openai', 'llxprt-key save openai < key.txt'],
  run,
}

async function run({ names: [name], options: { force } }) {
  checkName(name, 'save')
  const keys = storage()
  if (!force && !(await mayOverwrite(keys, name))) throw new CommandError('Nothing was saved.')
  const key = isInteractive()
    ? await askHidden(`API key for '${name}' (hidden): `, 'Cancelled; nothing was saved.')
    : await readInput()
  await keys.saveKey(name, key)
  // The save succeeded even if reading it back fails.
  const saved = await keys.getKey(name).catch(() => null)
  const location = await locate(name).catch(() => null)
  const reason = location === 'file' ? ' because the keyring is unavailable' : ''
  const where = location ? ` in ${LOCATIONS[location]}${reason}` : ''
  print(`Saved key '${name}' (${mask(saved ?? key.trim())})${where}`)
}

/** Returns whether the name is free, or the user agrees to overwrite. */
async function mayOverwrite(keys, name) {
  const found = await keys.hasKey(name).catch((error) => error)
  if (found === false) return true
  if (found === true) {
    if (isInteractive()) return confirm(`Key '${name}' already exists. Overwrite?`)
    throw new CommandError(`Key '${name}' already exists.`, 'Pass --force to overwrite it.')
  }
  // The keyring is unavailable, so the save cannot overwrite a key in it.
  if (found.code === 'UNAVAILABLE') return true
  if (!isInteractive()) throw found
  printError(`Cannot tell whether key '${name}' exists: ${found.message}.`, remedyFor(found, currentSystem()))
  return confirm('Save it anyway, in an encrypted file if need be?')
}

module.exports = { save }
