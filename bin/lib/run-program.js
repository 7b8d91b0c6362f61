'use strict'

// Runs a program with a key in its environment. Unlike arguments, the environment is not readable by other users.

const { spawn } = require('node:child_process')
const os = require('node:os')
const { isatty } = require('node:tty')
const { CommandError } = require('./errors.js')

/** Signals that are forwarded to the program. Without a handler, SIGUSR1 would start the debugger of Node.js. */
const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGQUIT']

/** Signals that a terminal sends to every foreground process, so the program already receives them. */
const SENT_BY_TERMINAL = new Set(['SIGINT', 'SIGQUIT'])

/**
 * Runs the program until it ends.
 *
 * @param {string} variable the environment variable for the key
 * @param {string} key
 * @param {string[]} program the file and its arguments
 * @returns {Promise<number>} its exit code; 128 plus the number of the signal if a signal ended it
 */
function runProgram(variable, key, [file, ...args]) {
  // The error of Node.js would contain the key.
  if (key.includes('\0')) {
    throw new CommandError(
      'The key contains a NUL character, so it cannot be an environment variable.',
      'Save it again.',
    )
  }
  return new Promise((resolve, reject) => {
    const forward = (signal) => {
      if (!(SENT_BY_TERMINAL.has(signal) && hasTerminal())) child.kill(signal)
    }
    // Registered before the program starts, so that a signal cannot end this process first.
    for (const signal of FORWARDED) process.on(signal, forward)
    const finish = (settle) => {
      for (const signal of FORWARDED) process.off(signal, forward)
      settle()
    }
    const child = spawn(file, args, { env: { ...process.env, [variable]: key }, stdio: 'inherit' })
    child.on('error', (error) => {
      // This event is also emitted if a signal could not be forwarded; the program is still running then.
      if (child.pid === undefined) finish(() => reject(startError(file, error)))
    })
    child.on('exit', (code, signal) => finish(() => resolve(code ?? 128 + os.constants.signals[signal])))
  })
}

/** Returns whether a standard stream is a terminal. Accessing `process.stdin` could consume input of the program. */
function hasTerminal() {
  return [0, 1, 2].some(isatty)
}

/** Returns the error for a program that cannot be started, with the exit code that a shell uses. */
function startError(file, { code }) {
  if (code === 'ENOENT') return new CommandError(`Command not found: ${file}`, undefined, 127)
  return new CommandError(`Cannot run ${file} (${code}).`, undefined, 126)
}

module.exports = { runProgram }
