'use strict'

// The content of an exported file, as JSON: { "version": 1, "keys": [{ "name": …, "key": … }] }.

const { addon } = require('./addon.js')
const { CommandError } = require('./errors.js')

const VERSION = 1

/** Formats keys. They are in an array, because a name may be that of a special property, such as `__proto__`. */
function formatKeys(keys) {
  const list = keys.map(({ name, key }) => ({ name, key }))
  return `${JSON.stringify({ version: VERSION, keys: list }, null, 2)}\n`
}

/** Returns whether {@link parseKeys} accepts a file with this key. */
function isImportable({ name, key }) {
  return problemOf(addon().KEY_NAME_REGEX, new Set(), name, key) === undefined
}

/**
 * Parses keys. Checks all of them, so that no error occurs after the first one was saved.
 *
 * @param {string} text
 * @param {string} file its name, for messages
 * @returns {Array<{ name: string, key: string }>}
 */
function parseKeys(text, file) {
  const { version, keys } = parse(text) ?? {}
  if (typeof version !== 'number' || !Array.isArray(keys)) {
    throw new CommandError(`${file} does not contain exported keys.`, "Pass a file that 'llxprt-key export' wrote.")
  }
  if (version > VERSION) {
    throw new CommandError(`${file} was exported by a newer version.`, 'Upgrade @llxprt/securestore, then try again.')
  }
  checkKeys(keys, file)
  return keys.map(({ name, key }) => ({ name, key: key.trim() }))
}

function checkKeys(keys, file) {
  const { KEY_NAME_REGEX } = addon()
  const names = new Set()
  for (const [index, entry] of keys.entries()) {
    const { name, key } = entry ?? {}
    const problem = problemOf(KEY_NAME_REGEX, names, name, key)
    if (problem) throw new CommandError(`${file}: entry ${index + 1} ${problem}.`, 'Nothing was imported.')
    names.add(name)
  }
}

function problemOf(pattern, names, name, key) {
  if (typeof name !== 'string' || !pattern.test(name)) return 'has no valid name'
  if (names.has(name)) return `has the same name as an earlier entry, '${name}'`
  if (typeof key !== 'string' || key.trim() === '') return `('${name}') has no key`
  return undefined
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

module.exports = { formatKeys, isImportable, parseKeys }
