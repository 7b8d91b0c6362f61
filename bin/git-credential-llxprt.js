#!/usr/bin/env node
'use strict'

// git-credential-llxprt: stores the passwords and tokens of git. The protocol is described in gitcredentials(7) and
// git-credential(1): `key=value` lines on standard input and output.

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
  // The protocol may gain actions, and a helper ignores those it does not know.
  if (!Object.hasOwn(actions, action)) return 0
  process.stdout.write((await actions[action](await readRequest())) ?? '')
  return 0
}
