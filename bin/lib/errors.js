'use strict'

// The errors of the commands themselves. Each has a message, a remedy and an exit code.

/** A command that failed. */
class CommandError extends Error {
  constructor(message, remediation, exitCode = 1) {
    super(message)
    this.remediation = remediation
    this.exitCode = exitCode
  }
}

/** A wrong command line, with exit code 2. `word` is the name of the command, if there is one. */
class UsageError extends CommandError {
  constructor(message, word, suggestion) {
    const help = `Run 'llxprt-key ${word ? `${word} ` : ''}--help'.`
    if (suggestion) super(`${message} Did you mean '${suggestion}'?`, help, 2)
    else super(`${message} ${help}`, undefined, 2)
  }
}

module.exports = { CommandError, UsageError }
