'use strict'

const { UsageError } = require('../errors.js')
const { checkName, load } = require('../key-store.js')
const { variableOf } = require('../providers.js')
const { runProgram } = require('../run-program.js')

const runCommand = {
  usage: 'run <name> [--as VAR] -- <command>',
  synopsis: 'run <name> -- <command>',
  summary: 'Run a command with a key in its environment',
  details: `The variable is that of the provider the name starts with (openai, openai-work: OPENAI_API_KEY), otherwise API_KEY. \
Signals are forwarded. The exit code is the command's: 128 plus the signal's number after a signal, 127 when the command \
is not found.`,
  names: ['name'],
  completes: 'saved names',
  takesProgram: true,
  options: { as: { type: 'string', requires: 'an environment variable name' } },
  optionHelp: [['--as VAR', 'Put the key into this environment variable']],
  examples: ['llxprt-key run openai -- python ask.py', 'llxprt-key run openai --as OPENAI_TOKEN -- ./deploy.sh'],
  run,
}

async function run({ names: [name], options: { as }, program }) {
  checkName(name, 'run')
  if (as !== undefined && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(as)) {
    throw new UsageError('--as requires an environment variable name.', 'run')
  }
  return runProgram(as ?? variableOf(name), await load(name), program)
}

module.exports = { runCommand }
