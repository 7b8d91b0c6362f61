'use strict'

// The errors that end a command, besides those of the addon: a message, a remedy and an exit code.

/** A command that failed. */
class CommandError extends Error {
  constructor(message, remediation, exitCode = 1) {
    super(message)
    this.remediation = remediation
    this.exitCode = exitCode
  }
}

/** A command line that is wrong. `word` is the command it concerns, if any. Exit code 2. */
class UsageError extends CommandError {
  constructor(message, word, suggestion) {
    const help = `Run 'llxprt-key ${word ? `${word} ` : ''}--help'.`
    if (suggestion) super(`${message} Did you mean '${suggestion}'?`, help, 2)
    else super(`${message} ${help}`, undefined, 2)
  }
}

module.exports = { CommandError, UsageError }
