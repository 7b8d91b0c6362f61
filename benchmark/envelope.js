// @ts-check
'use strict'

// Decrypts an envelope of the encrypted files with a derived key.

const { createDecipheriv } = require('node:crypto')

/** Sizes in bytes. */
const SALT = 16
const NONCE = 12
const TAG = 16

/**
 * @param {Buffer} data salt, nonce, tag and ciphertext
 * @param {Buffer} key
 * @returns {string}
 */
function decrypt(data, key) {
  const cipher = createDecipheriv('aes-256-gcm', key, data.subarray(SALT, SALT + NONCE))
  cipher.setAuthTag(data.subarray(SALT + NONCE, SALT + NONCE + TAG))
  return Buffer.concat([cipher.update(data.subarray(SALT + NONCE + TAG)), cipher.final()]).toString('utf8')
}

module.exports = { NONCE, SALT, decrypt }
