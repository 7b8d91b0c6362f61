'use strict'

// Checks the options of the Vault adapter and completes them from the environment.

const { readFileSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { storeError } = require('./errors.js')
const { checkOptionNames, millisecondsOption, stringOption } = require('./options.js')

const WHERE = 'createVaultAdapter'
const NAMES = ['address', 'token', 'tokenFile', 'mount', 'prefix', 'namespace', 'timeoutMs', 'cacheMs']
const DEFAULT_TIMEOUT_MS = 10_000
const MAX_TOKEN_BYTES = 65_536

/**
 * Returns the complete options. The environment is read once, here. A token file is read at each request, because agents
 * renew it.
 *
 * @param {object} options
 * @param {NodeJS.ProcessEnv} env
 */
function vaultOptions(options, env) {
  checkOptionNames(WHERE, options, NAMES)
  const text = (name) => stringOption(WHERE, options, name)
  const address = text('address') ?? nonEmpty(env.VAULT_ADDR) ?? nonEmpty(env.BAO_ADDR)
  if (address === undefined) {
    throw storeError(
      'UNAVAILABLE',
      'The address of the Vault server is missing',
      "Pass 'address', or set VAULT_ADDR or BAO_ADDR",
    )
  }
  const namespace = text('namespace') ?? nonEmpty(env.VAULT_NAMESPACE) ?? nonEmpty(env.BAO_NAMESPACE)
  if (namespace !== undefined && !/^[\x21-\x7e]+$/.test(namespace)) {
    throw new TypeError(`${WHERE}: option 'namespace' must be printable ASCII text without spaces`)
  }
  return {
    address: parseAddress(address),
    token: tokenReader({ token: text('token'), tokenFile: text('tokenFile') }, env),
    mount: segments(text('mount') ?? 'secret', 'mount'),
    prefix: options.prefix === '' ? [] : segments(text('prefix') ?? 'llxprt', 'prefix'),
    namespace,
    timeoutMs: millisecondsOption(WHERE, options, 'timeoutMs', DEFAULT_TIMEOUT_MS),
    cacheMs: millisecondsOption(WHERE, options, 'cacheMs', 0),
  }
}

/** Parses an http or https address. It must not contain credentials, because errors show it. */
function parseAddress(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    throw new TypeError(`${WHERE}: the address must be a URL such as https://vault.example.com:8200`)
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new TypeError(`${WHERE}: the address must not contain a user, password, query or fragment`)
  }
  return url
}

/** Splits a path into segments that are safe in a URL. */
function segments(text, name) {
  const parts = text.replace(/^\/+|\/+$/g, '').split('/')
  if (parts.some((part) => !/^[A-Za-z0-9_~-][A-Za-z0-9_.~-]*$/.test(part))) {
    throw new TypeError(
      `${WHERE}: option '${name}' must be a path of letters, digits, '.', '_', '~' and '-' whose parts do not start with '.'`,
    )
  }
  return parts
}

/** Returns a function that returns the token. */
function tokenReader({ token, tokenFile }, env) {
  if (token !== undefined && tokenFile !== undefined) {
    throw new TypeError(`${WHERE}: pass 'token' or 'tokenFile', not both`)
  }
  if (token !== undefined) return () => checkToken(token, "option 'token'")
  if (tokenFile !== undefined)
    return () => readToken(tokenFile) ?? noToken(`The Vault token file ${tokenFile} is missing`)
  for (const name of ['VAULT_TOKEN', 'BAO_TOKEN']) {
    const value = nonEmpty(env[name])
    if (value !== undefined) return () => checkToken(value, name)
  }
  const file = path.join(os.homedir(), '.vault-token')
  return () => readToken(file) ?? noToken('The Vault token is missing')
}

function readToken(file) {
  let text
  try {
    text = readFileSync(file)
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw storeError('DENIED', `The Vault token file ${file} cannot be read (${error.code})`)
  }
  if (text.length > MAX_TOKEN_BYTES) throw storeError('DENIED', `The Vault token file ${file} is too large`)
  return checkToken(text.toString('utf8').trim(), `The file ${file}`)
}

function checkToken(token, source) {
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw storeError('DENIED', `${source} does not contain a Vault token`, 'Log in to Vault again')
}

function noToken(message) {
  throw storeError('DENIED', message, 'Log in with `vault login` or `bao login`, or set VAULT_TOKEN')
}

function nonEmpty(value) {
  return value?.trim() || undefined
}

module.exports = { vaultOptions }
