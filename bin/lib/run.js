'use strict'

// Runs a program that has a key in its environment: there, and in no list of arguments, which everybody on the machine
// may read.

const { spawn } = require('node:child_process')
const os = require('node:os')
const { isatty } = require('node:tty')
const { Failure, UsageError } = require('./failures.js')

/** The variable that the programs of a provider look into, by the first word of a key's name. */
const VARIABLES = {
  anthropic: 'ANTHROPIC_API_KEY',
  cerebras: 'CEREBRAS_API_KEY',
  deepseek: 'DEEPSEEK_API_KEY',
  fireworks: 'FIREWORKS_API_KEY',
  gemini: 'GEMINI_API_KEY',
  google: 'GEMINI_API_KEY',
  groq: 'GROQ_API_KEY',
  mistral: 'MISTRAL_API_KEY',
  openai: 'OPENAI_API_KEY',
  openrouter: 'OPENROUTER_API_KEY',
  together: 'TOGETHER_API_KEY',
  xai: 'XAI_API_KEY',
}

/** Of a provider that is not among them. */
const ANY_PROVIDER = 'API_KEY'

/** What others send us is meant for the program. SIGUSR1 also because Node would open its debugger for it. */
const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGQUIT']

/** What a terminal sends to everybody in the foreground: the program has it already. */
const FROM_TERMINAL = new Set(['SIGINT', 'SIGQUIT'])

/** The environment variable for a key: the one that was asked for, else the one of the name's provider. */
function variableFor(name, asked) {
  if (asked === undefined) {
    const provider = name.split(/[-._]/, 1)[0].toLowerCase()
    return Object.hasOwn(VARIABLES, provider) ? VARIABLES[provider] : ANY_PROVIDER
  }
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(asked)) return asked
  throw new UsageError('What comes after --as is no name of an environment variable.', 'run')
}

/**
 * Runs the program to its end.
 *
 * @returns {Promise<number>} its exit code; 128 and the signal's number when a signal ended it
 */
function runWith(variable, key, [file, ...args]) {
  // Node would refuse it with a message that holds the key.
  if (key.includes('\0')) throw new Failure('The key holds a NUL character, which no environment variable can.')
  return new Promise((resolve, reject) => {
    const passOn = (signal) => {
      if (!(FROM_TERMINAL.has(signal) && atTerminal())) child.kill(signal)
    }
    // Before it starts: from then on we live as long as it does.
    for (const signal of PASSED_ON) process.on(signal, passOn)
    const finish = (settle) => {
      for (const signal of PASSED_ON) process.off(signal, passOn)
      settle()
    }
    const child = spawn(file, args, { env: { ...process.env, [variable]: key }, stdio: 'inherit' })
    child.on('error', (error) => {
      // A signal that could not be passed on is no reason to leave the program alone.
      if (child.pid === undefined) finish(() => reject(notStarted(file, error)))
    })
    child.on('exit', (code, signal) => finish(() => resolve(code ?? 128 + os.constants.signals[signal])))
  })
}

/** By number: a stream of ours on what the program reads would take part in it. */
function atTerminal() {
  return [0, 1, 2].some(isatty)
}

/** The exit codes are those of a shell. */
function notStarted(file, { code }) {
  if (code === 'ENOENT') return new Failure(`Command not found: ${file}`, undefined, 127)
  return new Failure(`Cannot run ${file} (${code}).`, undefined, 126)
}

module.exports = { runWith, variableFor }
