'use strict'

// The file keyring.json, which `llxprt-key use` writes. It decides where keys are stored and may name a program to run, so
// it is read only if no other user could have written it.

const fs = require('node:fs')
const path = require('node:path')
const { storeError } = require('./adapters/errors.js')

const FILE_NAME = 'keyring.json'
const MAX_BYTES = 65_536
const CHOOSE_AGAIN = "Run 'llxprt-key use' to choose the keyring again"

/**
 * Returns the path of the file.
 *
 * @param {string} dataDir
 */
function keyringFile(dataDir) {
  return path.join(dataDir, FILE_NAME)
}

/**
 * Reads the file.
 *
 * @param {string} dataDir
 * @returns {object | null} the object in it; `null` if there is no file
 * @throws a `SecureStoreError`: `UNAVAILABLE` if another user could have written the file, or if it cannot be read;
 *   `CORRUPT` if it does not contain a JSON object
 */
function readKeyringFile(dataDir) {
  const file = keyringFile(dataDir)
  let text
  try {
    const descriptor = fs.openSync(file, 'r')
    try {
      const stats = fs.fstatSync(descriptor)
      checkFile(file, stats)
      // The file may be a symbolic link to a file in another directory.
      for (const directory of new Set([dataDir, path.dirname(fs.realpathSync(file))])) checkDirectory(file, directory)
      text = fs.readFileSync(descriptor, 'utf8')
    } finally {
      fs.closeSync(descriptor)
    }
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    if (error.name === 'SecureStoreError') throw error
    throw storeError('UNAVAILABLE', `${file} cannot be read (${error.code})`, 'Check the permissions of the file')
  }
  return parse(file, text)
}

/**
 * Writes the file atomically, with mode 0600.
 *
 * @param {string} dataDir created if it does not exist
 * @param {object} setting
 */
function writeKeyringFile(dataDir, setting) {
  fs.mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const file = keyringFile(dataDir)
  // Loading it costs milliseconds, which a program that only reads the file does not spend.
  const { randomBytes } = require('node:crypto')
  const temporary = `${file}.${randomBytes(8).toString('hex')}.tmp`
  try {
    const descriptor = fs.openSync(temporary, 'wx', 0o600)
    try {
      // The umask may have removed rights that the owner needs.
      fs.fchmodSync(descriptor, 0o600)
      fs.writeFileSync(descriptor, `${JSON.stringify(setting, null, 2)}\n`)
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
    fs.renameSync(temporary, file)
  } catch (error) {
    fs.rmSync(temporary, { force: true })
    throw error
  }
}

/** Throws if other users have access to the file, as they have to files of a repository checkout. */
function checkFile(file, stats) {
  if (!stats.isFile()) throw storeError('UNAVAILABLE', `${file} is not a regular file`, CHOOSE_AGAIN)
  if (stats.size > MAX_BYTES) throw storeError('CORRUPT', `${file} is larger than ${MAX_BYTES} bytes`, CHOOSE_AGAIN)
  if (process.platform === 'win32') return
  checkOwner(file, file, stats)
  if ((stats.mode & 0o077) !== 0) {
    throw storeError('UNAVAILABLE', `${file} is not used: other users have access to it`, `Run: chmod 600 '${file}'`)
  }
}

function checkDirectory(file, directory) {
  if (process.platform === 'win32') return
  const stats = fs.statSync(directory)
  checkOwner(file, directory, stats)
  if ((stats.mode & 0o022) !== 0) {
    throw storeError(
      'UNAVAILABLE',
      `${file} is not used: other users can write to the directory ${directory}`,
      `Run: chmod go-w '${directory}'`,
    )
  }
}

function checkOwner(file, subject, { uid }) {
  if (uid === process.getuid() || uid === 0) return
  throw storeError(
    'UNAVAILABLE',
    `${file} is not used: ${subject} belongs to another user`,
    `Change the owner of ${subject}`,
  )
}

function parse(file, text) {
  let setting
  try {
    setting = JSON.parse(text)
  } catch {
    throw storeError('CORRUPT', `${file} is not JSON`, CHOOSE_AGAIN)
  }
  if (setting === null || typeof setting !== 'object' || Array.isArray(setting)) {
    throw storeError('CORRUPT', `${file} does not contain a JSON object`, CHOOSE_AGAIN)
  }
  return setting
}

module.exports = { CHOOSE_AGAIN, keyringFile, readKeyringFile, writeKeyringFile }
