#!/usr/bin/env node
'use strict'

// docker-credential-llxprt: a docker credential helper, which stores the registry logins of docker and podman. It reads JSON
// or a server URL from standard input and writes the result or the error to standard output.

const { erase, get, list, store } = require('./lib/helpers/docker.js')
const { readRequest } = require('./lib/helpers/stdin.js')

const USAGE = 'Usage: docker-credential-llxprt <store|get|erase|list|version>'
const ACTIONS = { store, get, erase, list }

main(process.argv.slice(2)).then(
  (result) => {
    if (result) process.stdout.write(`${result}\n`)
  },
  (error) => {
    // Docker reads errors from standard output.
    process.stdout.write(`${error.message}\n`)
    process.exitCode = 1
  },
)

/** Resolves to the text to print. Rejects with the error to print. */
async function main([action, ...rest]) {
  if (action === 'version' && rest.length === 0) return require('../package.json').version
  if (action === undefined || rest.length > 0) throw new Error(USAGE)
  if (!Object.hasOwn(ACTIONS, action)) throw new Error(`Unknown credential action \`${action}\``)
  return ACTIONS[action](action === 'list' ? '' : await readRequest())
}
