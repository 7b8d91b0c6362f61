'use strict'

// Encodes services and accounts as single path segments. An escaped name contains only letters, digits, `_`, `-`, `.` and
// `~`, does not start with `.` or `-`, and belongs to exactly one name. So it is never `..` or an option of a program, and
// needs no further encoding in a URL.

const { storeError } = require('./errors.js')

const UNSAFE = /^[.-]|[^A-Za-z0-9_.-]/gu

/**
 * Escapes a name: every byte of an unsafe character becomes `~` and two hexadecimal digits.
 *
 * @param {string} name
 */
function escapeName(name) {
  if (typeof name !== 'string') throw new TypeError('service and account must be strings')
  if (name === '') throw storeError('CORRUPT', 'The service or the account is empty', 'Use a name that is not empty')
  if (!name.isWellFormed()) {
    throw storeError(
      'CORRUPT',
      'The service or the account contains an unpaired surrogate',
      'Use a name that is valid Unicode',
    )
  }
  return name.replace(UNSAFE, (character) => {
    const bytes = [...Buffer.from(character)]
    return bytes.map((byte) => `~${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  })
}

/**
 * Returns the name that was escaped; `null` for text that `escapeName` never returns, such as a name that another program
 * wrote.
 *
 * @param {string} escaped
 */
function unescapeName(escaped) {
  if (escaped === '') return null
  const bytes = Buffer.from(
    escaped.replace(/~([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  const name = bytes.toString('utf8')
  return name.isWellFormed() && name !== '' && escapeName(name) === escaped ? name : null
}

module.exports = { escapeName, unescapeName }
