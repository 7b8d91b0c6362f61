#!/usr/bin/env node
'use strict'

// llxprt-key: manages named API keys from a shell. This file selects the command and turns errors into a message and an
// exit code. The commands are in lib/commands/; the addon stores the keys.

const { remedyFor } = require('./lib/advice.js')
const { HELP, parseCommand, parseOptions } = require('./lib/arguments.js')
const { COMMANDS, HIDDEN_COMMANDS } = require('./lib/commands/index.js')
const { CommandError, UsageError } = require('./lib/errors.js')
const { commandHelp, generalHelp, version } = require('./lib/help.js')
const { print, printError } = require('./lib/output.js')
const { nearest, quoteUnknown } = require('./lib/suggest.js')
const { currentSystem } = require('./lib/system.js')

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    const message = String(error?.message ?? 'Unknown error.')
    printError(message, remedyFor({ code: error?.code, message, remediation: error?.remediation }, currentSystem()))
    process.exitCode = error instanceof CommandError ? error.exitCode : 1
  },
)

/** Runs the command line and returns the exit code. Rejects with the error to print. */
async function main(args) {
  if (args.length === 0) {
    process.stderr.write(generalHelp(process.stderr))
    return 2
  }
  const [word, ...rest] = args
  if (word.startsWith('-')) return withoutCommand(args)
  const command = find(word)
  const { names, options, program } = parseCommand(word, command, rest)
  if (!options.help) return (await command.run({ names, options, program })) ?? 0
  print(commandHelp(word))
  return 0
}

/** Returns the command of this name. */
function find(word) {
  for (const commands of [COMMANDS, HIDDEN_COMMANDS]) if (Object.hasOwn(commands, word)) return commands[word]
  const suggestion = nearest(word, [...Object.keys(COMMANDS), '--help', '--version'])
  throw new UsageError(`Unknown command${quoteUnknown(word, suggestion)}.`, undefined, suggestion)
}

/** Handles a command line that starts with an option. */
function withoutCommand(args) {
  const command = args.find((arg) => Object.hasOwn(COMMANDS, arg))
  if (command) throw new UsageError(`Put the command '${command}' before its options.`, command)
  const { values, positionals } = parseOptions(args, { ...HELP, version: { type: 'boolean' } })
  if (positionals.length > 0) throw new UsageError('Put the command before its options.')
  if (!values.help && !values.version) throw new UsageError('Missing command.')
  print(values.help ? generalHelp() : `llxprt-key ${version()}`)
  return 0
}
