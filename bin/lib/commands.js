'use strict'

// The commands and their help. Each gets { names, options, program } and gives its exit code (nothing is 0); what cannot be
// done is thrown. The addon is loaded by the command that needs it, so that help works where it does not.

const { COMMANDS: KEY_COMMANDS } = require('./keys.js')
const { doctor } = require('./doctor.js')

const COMMANDS = { ...KEY_COMMANDS, doctor }

/** The options that all commands share come last. */
const HELP_OPTION = ['--help, -h', 'show this help']

function generalHelp() {
  return `Usage: llxprt-key <command>

Keeps API keys in the OS keyring, or in encrypted files where there is none.

Commands:
${table(Object.entries(COMMANDS).map(([word, { usage, summary }]) => [usage ?? word, summary]))}

Options:
${table([HELP_OPTION, ['--version', 'show the version']])}

'llxprt-key <command> --help' says more. Exit codes: 0 done, 1 failed, 2 wrong usage.
`
}

function commandHelp(word) {
  const { usage, summary, details, optionHelp = [] } = COMMANDS[word]
  return `Usage: llxprt-key ${usage}

${summary}.${details ? `\n${details}` : ''}

Options:
${table([...optionHelp, HELP_OPTION])}
`
}

function version() {
  return require('../../package.json').version
}

function table(rows) {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}

module.exports = { COMMANDS, commandHelp, generalHelp, version }
