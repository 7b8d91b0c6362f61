// @ts-check
'use strict'

// The floor of a durable write: write the same bytes to a temporary file, fsync it, rename it, and fsync the directory.

const { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } = require('node:fs')
const { open, rename } = require('node:fs/promises')
const path = require('node:path')

/**
 * Returns the content of a key's file.
 *
 * @param {string} directory
 * @param {string} key
 */
function envelopeOf(directory, key) {
  return readFileSync(path.join(directory, `${key}.enc`))
}

/**
 * Writes with synchronous calls, which are the fastest in Node.js.
 *
 * @param {string} directory
 * @param {string} key
 * @param {Buffer} bytes
 */
function bareWrite(directory, key, bytes) {
  const temporary = path.join(directory, 'temporary')
  const file = openSync(temporary, 'wx', 0o600)
  writeSync(file, bytes)
  fsyncSync(file)
  closeSync(file)
  renameSync(temporary, path.join(directory, `${key}.enc`))
  const folder = openSync(directory, 'r')
  fsyncSync(folder)
  closeSync(folder)
}

/**
 * Writes with calls that do not block the JavaScript thread.
 *
 * @param {string} directory
 * @param {string} key
 * @param {Buffer} bytes
 */
async function bareWritePromises(directory, key, bytes) {
  const temporary = path.join(directory, 'temporary')
  const file = await open(temporary, 'wx', 0o600)
  await file.writeFile(bytes)
  await file.sync()
  await file.close()
  await rename(temporary, path.join(directory, `${key}.enc`))
  const folder = await open(directory, 'r')
  await folder.sync()
  await folder.close()
}

module.exports = { bareWrite, bareWritePromises, envelopeOf }
