// @ts-check
'use strict'

// The floor of reading encrypted files in Node.js: open, read and decrypt with derived keys.

const { readFileSync, readdirSync } = require('node:fs')
const path = require('node:path')
const { SALT, decrypt } = require('./envelope.js')

/**
 * Reads and decrypts the file of a key.
 *
 * @param {string} directory
 * @param {string} name
 * @param {Record<string, string>} derivedKeys in hexadecimal, by the hexadecimal salt
 */
function readValue(directory, name, derivedKeys) {
  const data = dataOf(path.join(directory, name))
  return decrypt(data, Buffer.from(derivedKeys[data.toString('hex', 0, SALT)] ?? '', 'hex'))
}

/**
 * Reads and decrypts all files of a directory.
 *
 * @param {string} directory
 * @param {Record<string, string>} derivedKeys
 */
function readAllValues(directory, derivedKeys) {
  return names(directory).map((name) => readValue(directory, name, derivedKeys))
}

/**
 * Derives the keys of all files in a directory.
 *
 * @param {string} service
 * @param {string} directory
 * @param {string} [machineSecretFile]
 * @returns {Promise<Record<string, string>>}
 */
async function deriveKeys(service, directory, machineSecretFile) {
  const { KDF, KEY, derive, passwordOf } = require('./baseline.js')
  const password = passwordOf(service, machineSecretFile)
  const salts = new Set(names(directory).map((name) => dataOf(path.join(directory, name)).toString('hex', 0, SALT)))
  const keys = [...salts].map(async (salt) => {
    const key = await derive(password, Buffer.from(salt, 'hex'), KEY, KDF)
    return [salt, key.toString('hex')]
  })
  return Object.fromEntries(await Promise.all(keys))
}

/** @param {string} directory */
function names(directory) {
  return readdirSync(directory).filter((name) => name.endsWith('.enc'))
}

/** @param {string} file */
function dataOf(file) {
  return Buffer.from(JSON.parse(readFileSync(file, 'utf8')).data, 'base64')
}

module.exports = { deriveKeys, readAllValues, readValue }
