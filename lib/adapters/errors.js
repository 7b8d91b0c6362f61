'use strict'

// The errors of the adapters. They are `SecureStoreError`s, so a store keeps their code.

const { SecureStoreError } = require('../errors.js')

/** The default remediation of each code. */
const REMEDIATIONS = {
  UNAVAILABLE: 'Check that the keyring is installed, running and reachable',
  LOCKED: 'Unlock your keyring',
  DENIED: 'Check permissions, run as the correct user',
  CORRUPT: 'Re-save the key or re-authenticate',
  TIMEOUT: 'Retry, check system load',
  CONFLICT: 'Retry the operation',
}

/**
 * Returns a `SecureStoreError`.
 *
 * @param {keyof typeof REMEDIATIONS} code
 * @param {string} message must not contain a secret
 * @param {string} [remediation]
 */
function storeError(code, message, remediation = REMEDIATIONS[code]) {
  return new SecureStoreError(message, code, remediation)
}

module.exports = { storeError }
