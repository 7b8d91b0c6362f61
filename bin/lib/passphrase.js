'use strict'

// Reads the passphrase of an exported file.

const { CommandError } = require('./errors.js')
const { askHidden, isInteractive, readInput } = require('./input.js')

/** Asks for a new passphrase; on a terminal, twice. `cancelled` is the message if the prompt is cancelled. */
async function askNewPassphrase(cancelled) {
  const passphrase = await askPassphrase('Enter a passphrase for the file (hidden): ', cancelled)
  if (isInteractive()) {
    const repeated = await askHidden('Confirm the passphrase (hidden): ', cancelled)
    if (repeated !== passphrase) throw new CommandError('The passphrases do not match.', 'Try again.')
  }
  return passphrase
}

/** Asks for a passphrase on a terminal; otherwise reads the first line of standard input. */
async function askPassphrase(question, cancelled) {
  const passphrase = isInteractive() ? await askHidden(question, cancelled) : firstLine(await readInput())
  if (passphrase === '') throw new CommandError('The passphrase is empty.', 'Use a passphrase that is hard to guess.')
  return passphrase
}

function firstLine(text) {
  return text.split(/\r?\n/, 1)[0]
}

module.exports = { askNewPassphrase, askPassphrase }
