'use strict'

// Writes a file that only its owner can read. The file is written completely or not at all.

const { randomBytes } = require('node:crypto')
const { linkSync, openSync, closeSync, fsyncSync, renameSync, rmSync, writeSync, lstatSync } = require('node:fs')
const path = require('node:path')
const { CommandError } = require('./errors.js')

/** Throws if the file exists. Called before the user is asked for anything; {@link writePrivateFile} checks again. */
function checkAbsent(file) {
  if (lstatSync(file, { throwIfNoEntry: false })) throw existsError(file)
}

/**
 * Writes a file with mode 0600.
 *
 * @param {string} file
 * @param {Uint8Array} content
 * @param {{ force?: boolean }} options `force` replaces an existing file
 */
function writePrivateFile(file, content, { force = false } = {}) {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    writeNew(temporary, content)
    if (force) renameSync(temporary, file)
    else moveToFreeName(temporary, file, content)
  } catch (error) {
    if (error instanceof CommandError) throw error
    if (error.code === 'EEXIST') throw existsError(file)
    throw new CommandError(`Cannot write ${file} (${error.code}).`, 'Choose another file with --output.')
  } finally {
    rmSync(temporary, { force: true })
  }
}

function writeNew(file, content) {
  const descriptor = openSync(file, 'wx', 0o600)
  try {
    for (let written = 0; written < content.length; ) written += writeSync(descriptor, content, written)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Gives the temporary file its final name. Uses a link because, unlike a rename, it never replaces an existing file. */
function moveToFreeName(temporary, file, content) {
  try {
    linkSync(temporary, file)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EACCES'].includes(error.code)) throw error
    // The file system does not support links.
    writeNew(file, content)
  }
}

function existsError(file) {
  return new CommandError(`${file} already exists.`, 'Pass --force to replace it.')
}

module.exports = { checkAbsent, writePrivateFile }
