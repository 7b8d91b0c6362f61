'use strict'

// Values as text that any program keeps unchanged. Programs cut line ends off, refuse empty text or change line ends, so a
// value they could change is stored as base64 behind a marker. All others are stored as they are, and other programs can
// read them.

const { storeError } = require('./errors.js')

const MARKER = 'llxprt:base64:'
/** What programs cut off, change or refuse. */
const FRAGILE = /^$|^\s|\s$|[\0\r\ufeff]/

/** @param {string} value */
function encodeValue(value) {
  const fragile = FRAGILE.test(value) || value.startsWith(MARKER)
  return fragile ? `${MARKER}${Buffer.from(value).toString('base64')}` : value
}

/** @param {string} text what `encodeValue` returned, or what another program stored */
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
