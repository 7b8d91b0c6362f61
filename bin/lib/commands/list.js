'use strict'

const { remedyFor } = require('../advice.js')
const { entries, mask } = require('../key-store.js')
const { paint, print, printable, printError, shorten, widthOf } = require('../output.js')
const { currentSystem } = require('../system.js')

const list = {
  usage: 'list [--json]',
  summary: 'List all keys, masked',
  details: 'Exit code 1 if the OS keyring could not be read.',
  names: [],
  options: { json: { type: 'boolean' } },
  optionHelp: [
    [
      '--json',
      'Print as JSON: { keys: [{ name, place, readable }] }, and { incomplete } if the keyring could not be read',
    ],
  ],
  examples: ['llxprt-key list', 'llxprt-key list --json'],
  run,
}

async function run({ options: { json } }) {
  const { entries: found, incomplete } = await entries()
  if (json) printJson(found, incomplete)
  else if (found.length > 0) printTable(found)
  else if (!incomplete) print("No saved keys. Use 'llxprt-key save <name>' to store one.")
  if (!incomplete) return 0
  if (found.length > 0 && !json) print(`(OS keyring could not be read: ${printable(incomplete.message)})`)
  else printError(`The OS keyring could not be read: ${incomplete.message}`, remedyFor(incomplete, currentSystem()))
  return 1
}

function printJson(found, incomplete) {
  const keys = found.map(({ key, value, storedIn }) => ({ name: key, place: storedIn, readable: value !== null }))
  const failure = incomplete && { incomplete: { code: incomplete.code, message: incomplete.message } }
  print(JSON.stringify({ keys, ...failure }, null, 2))
}

function printTable(found) {
  const width = Math.max(...found.map(({ key }) => key.length))
  // On a terminal, a long mask is shortened so that the line does not wrap.
  const limit = process.stdout.isTTY ? Math.max(widthOf() - width - 2, 8) : Infinity
  for (const { key, value } of found) {
    const shown = value === null ? paint('yellow', '(unable to retrieve)') : paint('faint', shorten(mask(value), limit))
    print(`${printable(key).padEnd(width)}  ${shown}`)
  }
}

module.exports = { list }
