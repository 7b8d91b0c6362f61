'use strict'

// The help texts, wrapped to the width of the terminal.

const { COMMANDS } = require('./commands/index.js')
const { widthOf, wrap } = require('./output.js')

const HELP_OPTION = ['--help, -h', 'Show this help']

/** The minimum width of the descriptions. If less is available, they are printed below the terms. */
const MIN_DESCRIPTION_WIDTH = 24

/** Returns the help for all commands. */
function generalHelp(stream = process.stdout) {
  const width = widthOf(stream)
  const commands = Object.entries(COMMANDS).map(([word, { synopsis, summary }]) => [synopsis ?? word, summary])
  return lines(
    'Usage: llxprt-key <command>',
    '',
    ...wrap('Stores API keys in the OS keyring, or in encrypted files if there is none.', width),
    '',
    'Commands:',
    ...table(commands, width),
    '',
    'Options:',
    ...table([HELP_OPTION, ['--version', 'Show the version']], width),
    '',
    ...wrap("Run 'llxprt-key <command> --help' for details. Exit codes: 0 success, 1 failure, 2 wrong usage.", width),
  )
}

/** Returns the help for a command. */
function commandHelp(word, stream = process.stdout) {
  const { usage, summary, details, optionHelp = [], examples } = COMMANDS[word]
  const width = widthOf(stream)
  return lines(
    ...hanging(`Usage: llxprt-key ${usage}`, width),
    '',
    ...wrap(`${summary}.${details ? ` ${details}` : ''}`, width),
    '',
    'Options:',
    ...table([...optionHelp, HELP_OPTION], width),
    '',
    examples.length > 1 ? 'Examples:' : 'Example:',
    // Examples are not wrapped, so that they can be copied.
    ...examples.map((example) => `  ${example}`),
  )
}

function version() {
  return require('../../package.json').version
}

function lines(...all) {
  return `${all.join('\n')}\n`
}

/** Wraps a line and indents all lines after the first. */
function hanging(text, width) {
  const [first, ...more] = wrap(text, width - 2)
  return [first, ...more.map((line) => `  ${line}`)]
}

/** Formats rows of a term and its description. */
function table(rows, width) {
  const left = Math.max(...rows.map(([term]) => term.length))
  const right = width - left - 4
  if (right < MIN_DESCRIPTION_WIDTH) {
    return rows.flatMap(([term, text]) => [`  ${term}`, ...wrap(text, width - 6).map((line) => `      ${line}`)])
  }
  return rows.flatMap(([term, text]) =>
    wrap(text, right).map((line, index) => `  ${(index === 0 ? term : '').padEnd(left)}  ${line}`),
  )
}

module.exports = { commandHelp, generalHelp, version }
