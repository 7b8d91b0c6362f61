'use strict'

const { readFileSync, statSync } = require('node:fs')
const { openEncrypted } = require('../age.js')
const { parseEnvFile } = require('../env-file.js')
const { CommandError } = require('../errors.js')
const { applyImport, planImport } = require('../import-plan.js')
const { confirm, isInteractive } = require('../input.js')
const { parseKeys } = require('../key-file.js')
const { paint, print, printable, printNotice } = require('../output.js')
const { askPassphrase } = require('../passphrase.js')

const CANCELLED = 'Cancelled; nothing was imported.'

/** The maximum size of a file, in bytes. */
const FILE_LIMIT = 16 * 1024 * 1024

const COLOURS = { new: 'green', same: 'faint', different: 'yellow', damaged: 'yellow' }

const importCommand = {
  usage: 'import FILE [--force]\nllxprt-key import --from-env FILE [--force]',
  synopsis: 'import FILE',
  summary: 'Save the keys of an exported file, or of a .env file',
  details: `It shows which keys are new, the same and different, and asks before it overwrites any. If one key cannot be saved, \
the others are restored. The passphrase is typed at a hidden prompt, or is read from the first line of standard input. A .env file \
is never changed.`,
  names: ['file'],
  completes: 'files',
  options: { 'from-env': { type: 'string', requires: 'a file name' }, force: { type: 'boolean' } },
  optionHelp: [
    ['--from-env FILE', 'Read NAME=value lines of known providers, such as OPENAI_API_KEY'],
    ['--force', 'Overwrite without asking'],
  ],
  examples: ['llxprt-key import keys.age', 'llxprt-key import --from-env .env'],
  run,
}

async function run({ names: [file], options: { 'from-env': envFile, force } }) {
  if (envFile !== undefined) return importEnvFile(envFile, force)
  const decrypt = await openEncrypted(read(file), file)
  const passphrase = await askPassphrase(`Enter the passphrase for ${printable(file)} (hidden): `, CANCELLED)
  await importKeys(parseKeys(await decrypt(passphrase), file), force)
}

async function importEnvFile(file, force) {
  const { keys, lines, unknown } = parseEnvFile(decodeText(read(file), file))
  if (unknown.length > 0) {
    printNotice(`Not imported, because the provider is unknown: ${unknown.join(', ')}.`)
  }
  if (keys.length === 0) {
    throw new CommandError(
      `${file} contains no API key of a known provider.`,
      'Use NAME=value lines like OPENAI_API_KEY=….',
    )
  }
  await importKeys(keys, force)
  const where = lines.map(({ number, variable }) => `line ${number} (${variable})`).join(', ')
  printNotice(`The keys are still in ${file}. Remove them there: ${where}.`)
}

async function importKeys(keys, force) {
  const plan = await planImport(keys)
  const width = Math.max(...plan.map(({ state }) => state.length))
  for (const { name, state } of plan) print(`${paint(COLOURS[state], state.padEnd(width))}  ${name}`)
  const changes = plan.filter(({ state }) => state !== 'same')
  const overwritten = changes.filter(({ state }) => state !== 'new')
  if (overwritten.length > 0 && !force) await confirmOverwrite(overwritten)
  await applyImport(changes)
  const added = changes.length - overwritten.length
  const same = plan.length - changes.length
  print(`Imported ${changes.length}: ${added} new, ${overwritten.length} overwritten, ${same} unchanged`)
}

async function confirmOverwrite(overwritten) {
  const names = overwritten.map(({ name }) => `'${name}'`).join(', ')
  if (!isInteractive()) {
    throw new CommandError(
      `Nothing was imported: it would overwrite ${names}.`,
      'Not a terminal: pass --force to overwrite without asking.',
    )
  }
  if (!(await confirm(`Overwrite ${names}?`))) throw new CommandError('Nothing was imported.')
}

function read(file) {
  try {
    if (statSync(file).size > FILE_LIMIT)
      throw new CommandError(`${file} is larger than 16 MiB.`, 'Pass an exported file or a .env file.')
    return readFileSync(file)
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw new CommandError(`Cannot read ${file} (${error.code}).`, 'Check the path and its permissions.')
  }
}

function decodeText(content, file) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    throw new CommandError(`${file} is not valid UTF-8.`, 'Pass a text file with NAME=value lines.')
  }
}

module.exports = { importCommand }
