'use strict'

// The actions of the git credential helper. All credentials for a protocol and host are one entry of the store.

const { addon } = require('../addon.js')

const SERVICE = 'llxprt-git-credentials'

/** The attributes that are stored. For tokens that are not passwords, git uses `authtype` and `credential` instead. */
const STORED = ['path', 'username', 'password', 'password_expiry_utc', 'oauth_refresh_token', 'authtype', 'credential']

/** The attributes that select a credential. */
const SELECTING = ['path', 'username']

/** Resolves to the matching credential that was stored last, as lines; an empty string if there is none. */
async function get(request) {
  const wanted = parse(request)
  if (!isComplete(wanted)) return ''
  const knowsAuthType = wanted.capabilities.includes('authtype')
  const found = (await read(wanted)).find(
    (credential) => matches(wanted, credential) && (knowsAuthType || credential.credential === undefined),
  )
  if (!found) return ''
  const lines = STORED.filter((name) => name !== 'path' && found[name] !== undefined).map(
    (name) => `${name}=${found[name]}`,
  )
  if (found.credential !== undefined) lines.unshift('capability[]=authtype')
  return `${lines.join('\n')}\n`
}

/** Stores a credential in place of the one with the same path and user name. */
async function store(request) {
  const given = parse(request)
  const hasSecret = given.username !== undefined && given.password !== undefined
  const hasToken = given.authtype !== undefined && given.credential !== undefined
  if (!isComplete(given) || !(hasSecret || hasToken) || given.ephemeral === '1') return
  const credential = Object.fromEntries(
    STORED.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  )
  await change(given, (credentials) => [
    credential,
    ...credentials.filter((other) => SELECTING.some((name) => other[name] !== credential[name])),
  ])
}

/** Deletes the matching credentials, except those whose password was changed since git read them. */
async function erase(request) {
  const rejected = parse(request)
  if (!isComplete(rejected)) return
  const isRejected = (credential) =>
    matches(rejected, credential) &&
    ['password', 'credential'].every((name) => rejected[name] === undefined || rejected[name] === credential[name])
  await change(rejected, (credentials) => credentials.filter((credential) => !isRejected(credential)))
}

/** Parses the lines of a request up to an empty one. */
function parse(request) {
  const attributes = { capabilities: [] }
  for (const line of request.split('\n')) {
    if (line === '') break
    const at = line.indexOf('=')
    if (at < 0) throw new Error('The request on standard input contains a line without "=".')
    const [name, value] = [line.slice(0, at), line.slice(at + 1)]
    if (name === 'capability[]') attributes.capabilities.push(value)
    else attributes[name] = value
  }
  return attributes
}

/** Returns whether a request names a protocol and a host (or, for local files, a path), as it must to select a credential. */
function isComplete({ protocol, host, path }) {
  return Boolean(protocol) && (host !== undefined || path !== undefined)
}

function matches(wanted, credential) {
  return SELECTING.every((name) => wanted[name] === undefined || wanted[name] === credential[name])
}

async function read(request) {
  return decode(await secureStore().get(keyOf(request)))
}

/** Changes the credentials for a protocol and host under the lock of their entry, so that no concurrent change is lost. */
async function change(request, edit) {
  await secureStore().update(keyOf(request), (text) => {
    const changed = edit(decode(text))
    if (changed.length > 0) return JSON.stringify(changed)
    return text === null ? undefined : null
  })
}

/** Returns the stored credentials, without those that contain a line break: it could add attributes to the answer. */
function decode(text) {
  if (text === null) return []
  let credentials
  try {
    credentials = JSON.parse(text)
  } catch {
    credentials = undefined
  }
  if (!Array.isArray(credentials)) {
    const error = new Error('The stored git credentials are damaged.')
    error.remediation = `Delete the entry of the service ${SERVICE} from the keyring, then log in again.`
    throw error
  }
  return credentials.filter(
    (credential) =>
      credential !== null &&
      typeof credential === 'object' &&
      STORED.every((name) => credential[name] === undefined || isPlain(credential[name])),
  )
}

function isPlain(value) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a value must not contain these control characters
  return typeof value === 'string' && !/[\u0000\r\n]/.test(value)
}

/** Returns the key of an entry, such as `https:example.com`. Characters that keys must not contain are percent-encoded. */
function keyOf({ protocol, host = '' }) {
  const encode = (text) => text.replace(/[%/\\\0]/g, encodeURIComponent)
  return `${encode(protocol)}:${encode(host)}`
}

function secureStore() {
  const { SecureStore } = addon()
  return new SecureStore(SERVICE)
}

module.exports = { erase, get, store }
