'use strict'

const os = require('node:os')
const path = require('node:path')
const { addon } = require('../addon.js')
const { advise, splitRemedy } = require('../advice.js')
const { entries } = require('../key-store.js')
const { paint, print, printable, shorten, widthOf, wrap } = require('../output.js')
const { currentSystem } = require('../system.js')

/** The time limit of a keyring call, in milliseconds. A keyring that shows a prompt would wait for the user. */
const KEYRING_TIMEOUT = 10_000

const COLOURS = { error: 'red', warning: 'yellow', info: 'faint' }
const LABELS = { error: 'Problem', warning: 'Problem', info: 'Note' }

const doctor = {
  usage: 'doctor [--json]',
  summary: 'Check where keys are stored, what is wrong, and how to fix it',
  details: 'Exit code 1 if something needs to be done. A machine without a keyring needs nothing if its files work.',
  names: [],
  options: { json: { type: 'boolean' } },
  optionHelp: [['--json', 'Print the report as JSON: { versions, dataDirectory, keyring, places, legacy, problems }']],
  examples: ['llxprt-key doctor', 'llxprt-key doctor --json'],
  run,
}

async function run({ options: { json } }) {
  const report = await addon().doctor({ keyringTimeoutMs: KEYRING_TIMEOUT })
  // The keys are read after the report: reading may correct file modes and move a key to the keyring.
  report.problems.push(...(await unreadableKeys()))
  report.problems = advise(report, currentSystem())
  if (json) print(JSON.stringify(report, null, 2))
  else if (process.stdout.isTTY) printTables(report)
  else printLines(report)
  return report.problems.some(({ severity }) => severity !== 'info') ? 1 : 0
}

/** Returns a problem for each key that exists and cannot be read. The report of the addon only counts keys. */
async function unreadableKeys() {
  // The report already names a source that cannot be listed.
  const { entries: found } = await entries({ keyringTimeoutMs: KEYRING_TIMEOUT }).catch(() => ({ entries: [] }))
  return found.flatMap(({ key, value, error }) => {
    if (value !== null) return []
    const reason = error ? `: ${error.message}` : ''
    return [{ severity: 'error', message: `Key '${key}' cannot be read${reason}`, remedy: error?.remediation ?? '' }]
  })
}

function printLines({ dataDirectory, keyring, places, problems }) {
  print(describeKeyring(keyring))
  print(`Data directory: ${describeDirectory(dataDirectory)}`)
  for (const place of places) print(`${printable(place.name)}: ${describePlace(place, keyring)}`)
  if (problems.length === 0) print('No problems.')
  for (const { severity, message, remedy } of problems) {
    print(`${LABELS[severity]}: ${printable(message)}\n  ${printable(remedy)}`)
  }
}

function describePlace({ directory, keyringKeys, fileKeys }, { backend }) {
  const files = `${fileKeys ?? 'unknown'} in files (${printable(withTilde(directory))})`
  return backend === 'none' ? files : `${keyringKeys ?? 'unknown'} in the keyring, ${files}`
}

function printTables({ dataDirectory, keyring, places, problems }) {
  const width = widthOf()
  for (const line of wrap(describeKeyring(keyring), width)) print(line)
  for (const line of wrap(`Data directory: ${describeDirectory(dataDirectory)}`, width)) print(line)
  print('')
  printPlaces(places, width)
  print('')
  if (problems.length === 0) print(paint('green', 'No problems.'))
  for (const { severity, message, remedy } of problems) {
    const [first, ...more] = wrap(`${LABELS[severity]}: ${printable(message)}`, width - 2)
    print(first.replace(/^\w+:/, (label) => paint(COLOURS[severity], label)))
    const { text, command } = splitRemedy(remedy)
    for (const line of [...more, ...wrap(printable(text), width - 2)]) print(`  ${line}`)
    if (command) print(`  ${command}`)
  }
}

/** Prints a table. Names and directories are shortened so that no row is wider than the terminal. */
function printPlaces(places, width) {
  const rows = places.map(({ name, keyringKeys, fileKeys, directory }) => ({
    name: printable(name),
    keyring: String(keyringKeys ?? '-'),
    files: String(fileKeys ?? '-'),
    directory: printable(withTilde(directory)),
  }))
  const names = Math.min(Math.max(...rows.map(({ name }) => name.length), 'stored'.length), Math.floor(width / 3))
  const directories = width - names - 'keyring'.length - 'files'.length - 6
  const line = (name, keyring, files, directory) =>
    `${shorten(name, names).padEnd(names)}  ${keyring.padStart('keyring'.length)}  ${files.padStart('files'.length)}  ${shorten(directory, directories)}`
  print(paint('bold', line('stored', 'keyring', 'files', 'directory')))
  for (const row of rows) print(line(row.name, row.keyring, row.files, row.directory))
}

function describeKeyring({ backend, why, chosenBy, works, durationMs }) {
  const label = chosenBy === null ? 'OS keyring' : 'Keyring'
  if (backend === 'none') return `${label}: none (${printable(why)})`
  const state = works ? `answers in ${durationMs.toFixed(1)} ms` : 'does not work'
  const reason =
    chosenBy === null ? '' : ` (chosen by ${printable(path.isAbsolute(chosenBy) ? withTilde(chosenBy) : chosenBy)})`
  return `${label}: ${printable(backend)}, ${state}${reason}`
}

function describeDirectory({ path: directory, rule }) {
  return `${printable(withTilde(directory))} (${printable(rule)})`
}

/** Returns the path with `~` in place of the home directory. */
function withTilde(directory) {
  const relative = path.relative(os.homedir(), directory)
  return relative.startsWith('..') || path.isAbsolute(relative) ? directory : path.join('~', relative)
}

module.exports = { doctor }
