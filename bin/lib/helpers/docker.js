'use strict'

// The actions of the docker credential helper. Each server URL is one entry of the store.

const { addon } = require('../addon.js')

const SERVICE = 'llxprt-docker-credentials'

/** These messages are part of the protocol: docker compares them. */
const NOT_FOUND = 'credentials not found in native keychain'
const MISSING_SERVER_URL = 'no credentials server URL'
const MISSING_USERNAME = 'no credentials username'

/** Stores the login of a server. */
async function store(request) {
  const { ServerURL, Username, Secret } = parseLogin(request)
  if (!ServerURL) throw new Error(MISSING_SERVER_URL)
  if (!Username) throw new Error(MISSING_USERNAME)
  await secureStore().set(keyOf(ServerURL), JSON.stringify({ ServerURL, Username, Secret: Secret ?? '' }))
}

/** Returns the login of a server as JSON. */
async function get(request) {
  const url = serverUrl(request)
  const text = await secureStore().get(keyOf(url))
  if (text === null) throw new Error(NOT_FOUND)
  const { Username, Secret } = decode(text, url)
  return JSON.stringify({ ServerURL: url, Username, Secret })
}

/** Deletes the login of a server. A missing login is not an error. */
async function erase(request) {
  await secureStore().delete(keyOf(serverUrl(request)))
}

/** Returns the user name of each server as JSON. */
async function list() {
  const logins = await readAll()
  return JSON.stringify(Object.fromEntries(logins.map(({ ServerURL, Username }) => [ServerURL, Username])))
}

async function readAll() {
  const { entries, incomplete } = await secureStore().entries()
  const error = incomplete ?? entries.find((entry) => entry.error)?.error
  // An incomplete list must not look complete.
  if (error) throw error
  return entries.map(({ key, value }) => decode(value, key))
}

function serverUrl(request) {
  const url = request.trim()
  if (url === '') throw new Error(MISSING_SERVER_URL)
  return url
}

function parseLogin(request) {
  let login
  try {
    login = JSON.parse(request)
  } catch {
    login = undefined
  }
  const isText = (value) => value === undefined || typeof value === 'string'
  if (login === null || typeof login !== 'object' || ![login.ServerURL, login.Username, login.Secret].every(isText)) {
    throw new Error('The request on standard input is not { "ServerURL", "Username", "Secret" } as JSON.')
  }
  return login
}

function decode(text, name) {
  try {
    const login = JSON.parse(text)
    if (typeof login.Username === 'string' && typeof login.Secret === 'string') return login
  } catch {
    // Reported below.
  }
  throw new Error(`The stored login of ${name} is damaged. Run 'docker logout', then 'docker login'.`)
}

/** Returns the key of a server. It is encoded, because URLs contain characters that keys must not contain. */
function keyOf(url) {
  return encodeURIComponent(url)
}

function secureStore() {
  const { SecureStore } = addon()
  return new SecureStore(SERVICE)
}

module.exports = { erase, get, list, store }
