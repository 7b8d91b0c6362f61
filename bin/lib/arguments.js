'use strict'

// Parses the command line: options and names in any order and, for `run`, the program after `--`.

const { parseArgs } = require('node:util')
const { UsageError } = require('./errors.js')
const { nearest, quoteUnknown } = require('./suggest.js')

const HELP = { help: { type: 'boolean', short: 'h' } }

/**
 * Parses the arguments of a command.
 *
 * @returns {{ names: string[], options: Record<string, string | boolean>, program: string[] }}
 */
function parseCommand(word, command, args) {
  const end = command.takesProgram ? args.indexOf('--') : -1
  const own = end < 0 ? args : args.slice(0, end)
  const { values: options, positionals: names } = parseOptions(own, { ...HELP, ...command.options }, word)
  const program = end < 0 ? [] : args.slice(end + 1)
  if (!options.help) {
    checkProgram(command, names, program, word)
    checkCount(command, names, options, word)
  }
  return { names, options, program }
}

/**
 * Parses options. Errors do not repeat arguments that may be an API key in the wrong place.
 *
 * @returns {{ values: Record<string, string | boolean>, positionals: string[] }}
 */
function parseOptions(args, options, word) {
  const { values, positionals, tokens } = parseArgs({
    args,
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  for (const token of tokens) if (token.kind === 'option') checkOption(token, options, word)
  return { values, positionals }
}

function checkOption({ name, rawName, value, inlineValue }, options, word) {
  const option = Object.hasOwn(options, name) ? options[name] : undefined
  if (!option) throw unknownOption(rawName, options, word)
  if (option.type === 'boolean') {
    if (value !== undefined) throw new UsageError(`Option '${rawName}' takes no value.`, word)
  } else if (value === undefined || (!inlineValue && /^-./.test(value))) {
    throw new UsageError(`${rawName} requires ${option.requires}.`, word)
  }
}

function unknownOption(rawName, options, word) {
  const suggestion = nearest(
    rawName,
    Object.keys(options).map((name) => `--${name}`),
  )
  return new UsageError(`Unknown option${quoteUnknown(rawName, suggestion)}.`, word, suggestion)
}

function checkProgram(command, names, program, word) {
  if (!command.takesProgram || program.length > 0) return
  const hasCommand = names.length > command.names.length
  throw new UsageError(
    hasCommand ? "Missing '--' before the command to run." : "Missing command to run after '--'.",
    word,
  )
}

function checkCount({ names: expected, rest, surplus }, names, options, word) {
  // With `import --from-env FILE`, the file is the value of the option.
  const count = options['from-env'] === undefined ? expected.length : 0
  if (names.length < count) throw new UsageError(`Missing argument <${expected[names.length]}>.`, word)
  if (names.length > count && !rest) throw new UsageError(surplus ?? 'Too many arguments.', word)
}

module.exports = { HELP, parseCommand, parseOptions }
