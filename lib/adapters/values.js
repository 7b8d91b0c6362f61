'use strict'

// Encodes values as text that programs do not change. Programs may remove or change line ends, or refuse empty text, so a
// value that they could change is stored as base64 after a marker. Other values are stored unchanged, so that other programs
// can read them.

const { storeError } = require('./errors.js')

const MARKER = 'llxprt:base64:'
/** Matches values that programs may truncate, change or refuse. */
const FRAGILE = /^$|^\s|\s$|[\0\r\ufeff]/

/**
 * Returns a value in a form that programs do not change.
 *
 * @param {string} value
 */
function encodeValue(value) {
  const fragile = FRAGILE.test(value) || value.startsWith(MARKER)
  return fragile ? `${MARKER}${Buffer.from(value).toString('base64')}` : value
}

/**
 * Returns the value of a stored text.
 *
 * @param {string} text the result of `encodeValue`, or text that another program stored
 */
function decodeValue(text) {
  return text.startsWith(MARKER) ? Buffer.from(text.slice(MARKER.length), 'base64').toString('utf8') : text
}

/**
 * Decodes the output of a program.
 *
 * @param {Buffer} bytes
 * @param {string} program
 * @throws a `SecureStoreError` with `CORRUPT` if the output is not UTF-8
 */
function decodeOutput(bytes, program) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw storeError('CORRUPT', `${program} printed text that is not UTF-8`)
  }
}

module.exports = { decodeOutput, decodeValue, encodeValue }
