'use strict'

const { encrypt } = require('../age.js')
const { CommandError } = require('../errors.js')
const { formatKeys, isImportable } = require('../key-file.js')
const { checkName, entries, load } = require('../key-store.js')
const { printNotice } = require('../output.js')
const { askNewPassphrase } = require('../passphrase.js')
const { checkAbsent, writePrivateFile } = require('../private-file.js')

const CANCELLED = 'Cancelled; nothing was exported.'

const exportCommand = {
  usage: 'export [--output FILE] [--force] [name...]',
  synopsis: 'export [name...]',
  summary: 'Write keys to a file encrypted with a passphrase',
  details: `Without names, it exports all keys. The file has the age format: 'llxprt-key import' reads it, and so does \
'age -d'. On a terminal, it asks for the passphrase twice; otherwise the passphrase is the first line of standard input. \
Without --output, the file goes to standard output.`,
  names: [],
  completes: 'saved names',
  rest: true,
  options: { output: { type: 'string', short: 'o', requires: 'a file name' }, force: { type: 'boolean' } },
  optionHelp: [
    ['--output, -o FILE', 'Write to this file, with mode 0600'],
    ['--force', 'Replace the file if it exists'],
  ],
  examples: ['llxprt-key export --output keys.age', 'llxprt-key export openai anthropic > two-keys.age'],
  run,
}

async function run({ names, options: { output, force } }) {
  for (const name of names) checkName(name, 'export')
  const toFile = output !== undefined && output !== '-'
  if (!toFile && process.stdout.isTTY) {
    throw new CommandError('An encrypted file is not printed on a terminal.', 'Pass --output FILE.')
  }
  if (toFile && !force) checkAbsent(output)
  const found = names.length > 0 ? await named(names) : await all()
  const keys = found.filter(isImportable)
  if (keys.length === 0) throw new CommandError('No saved keys to export.', "Save one with 'llxprt-key save <name>'.")
  const content = await encrypt(formatKeys(keys), await askNewPassphrase(CANCELLED))
  if (toFile) writePrivateFile(output, content, { force })
  else process.stdout.write(content)
  // Other programs may have stored blank keys, or keys under names that `llxprt-key` does not accept.
  const skipped = found.filter((entry) => !isImportable(entry)).map(({ name }) => `'${name}'`)
  if (skipped.length > 0) printNotice(`Not exported, because import would refuse them: ${skipped.join(', ')}.`)
  printNotice(`Exported ${count(keys.length)}${toFile ? ` to ${output}` : ''}`)
}

async function named(names) {
  return Promise.all([...new Set(names)].map(async (name) => ({ name, key: await load(name) })))
}

/** Returns all keys. Throws if one cannot be read: an incomplete file would not be a backup. */
async function all() {
  const { entries: found, incomplete } = await entries()
  if (incomplete) {
    throw new CommandError(`The OS keyring could not be read: ${incomplete.message}`, incomplete.remediation)
  }
  const unreadable = found.find(({ value }) => value === null)
  if (unreadable) {
    const { key, error } = unreadable
    // A damaged key can only be deleted or left out. Other failures, such as a locked keyring, can be repaired.
    const remedy =
      error === null || error.code === 'CORRUPT' ? 'Delete the key, or name the keys to export' : error.remediation
    throw new CommandError(`Key '${key}' cannot be read: ${error?.message}`, `Nothing was exported. ${remedy}.`)
  }
  return found.map(({ key, value }) => ({ name: key, key: value }))
}

function count(number) {
  return `${number} ${number === 1 ? 'key' : 'keys'}`
}

module.exports = { exportCommand }
