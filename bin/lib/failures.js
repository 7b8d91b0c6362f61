'use strict'

// What ends a command, apart from the errors of the addon: a message, what a person can do about it, and an exit code.

/** Something could not be done. */
class Failure extends Error {
  constructor(message, remediation, exitCode = 1) {
    super(message)
    this.remediation = remediation
    this.exitCode = exitCode
  }
}

/** The command line makes no sense. `word` is the command it was about, if any. */
class UsageError extends Failure {
  constructor(message, word) {
    super(message, `See: llxprt-key ${word ? `${word} ` : ''}--help`, 2)
  }
}

module.exports = { Failure, UsageError }
