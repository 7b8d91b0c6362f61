#!/usr/bin/env node
'use strict'

// llxprt-key: the named API keys, from a shell. This file reads the command line, and turns what goes wrong into a message
// and an exit code; what the commands do is in lib/, and how keys are kept in the addon below it.

const { parseArgs } = require('node:util')
const { COMMANDS, commandHelp, generalHelp, version } = require('./lib/commands.js')
const { Failure, UsageError } = require('./lib/failures.js')
const { complain, say } = require('./lib/output.js')

const HELP = { help: { type: 'boolean', short: 'h' } }

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    const { message, remediation } = error ?? {}
    complain(String(message ?? 'Something went wrong.'), remediation)
    process.exitCode = error instanceof Failure ? error.exitCode : 1
  },
)

/** The exit code; rejects with what is to be told. */
async function main(args) {
  if (args.length === 0) {
    process.stderr.write(generalHelp())
    return 2
  }
  const [word, ...rest] = args
  if (word.startsWith('-')) return general(args)
  const command = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined
  if (!command) throw new UsageError('There is no such command.')
  const { names, options, program } = parse(word, command, rest)
  if (!options.help) return (await command.run({ names, options, program })) ?? 0
  say(commandHelp(word))
  return 0
}

function general(args) {
  const { values, positionals } = read(args, { ...HELP, version: { type: 'boolean' } })
  if (positionals.length > 0) throw new UsageError('Options come after the command.')
  if (!values.help && !values.version) throw new UsageError('The command is missing.')
  say(values.help ? generalHelp() : `llxprt-key ${version()}`)
  return 0
}

/** What stands after the command's word: its names, its options and, for one that runs a program, what comes after `--`. */
function parse(word, command, args) {
  const end = command.takesProgram ? args.indexOf('--') : -1
  const { values: options, positionals: names } = read(
    end < 0 ? args : args.slice(0, end),
    {
      ...HELP,
      ...command.options,
    },
    word,
  )
  const program = end < 0 ? [] : args.slice(end + 1)
  if (options.help) return { names, options, program }
  if (command.takesProgram && program.length === 0) throw new UsageError("The program to run comes after '--'.", word)
  if (names.length < command.names.length) {
    throw new UsageError(`The name of a key is missing: <${command.names[names.length]}>.`, word)
  }
  if (names.length > command.names.length) {
    throw new UsageError(`There are too many arguments. ${command.surplus ?? ''}`.trimEnd(), word)
  }
  return { names, options, program }
}

/** Whatever is wrong, the arguments are not repeated: one of them may be a key that was put in the wrong place. */
function read(args, options, word) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch {
    throw new UsageError('There is an option that is not known, or not used as it should be.', word)
  }
}
