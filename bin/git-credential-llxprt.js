#!/usr/bin/env node
'use strict'

// git-credential-llxprt: a git credential helper, which stores passwords and tokens. gitcredentials(7) and git-credential(1)
// describe the protocol: `key=value` lines on standard input and output.

const { erase, get, store } = require('./lib/helpers/git.js')
const { readRequest } = require('./lib/helpers/stdin.js')

const USAGE = `Usage: git-credential-llxprt get|store|erase

Set it up with: git config --global credential.helper llxprt
`

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    process.stderr.write(
      `git-credential-llxprt: ${error.message}\n${error.remediation ? `${error.remediation}\n` : ''}`,
    )
    process.exitCode = 1
  },
)

/** Runs an action and resolves to the exit code. */
async function main([action]) {
  if (action === '--help' || action === '-h') {
    process.stdout.write(USAGE)
    return 0
  }
  if (action === undefined) {
    process.stderr.write(USAGE)
    return 2
  }
  const actions = { get, store, erase }
  // Helpers must ignore unknown actions, because later versions of the protocol may add some.
  if (!Object.hasOwn(actions, action)) return 0
  process.stdout.write((await actions[action](await readRequest())) ?? '')
  return 0
}
