'use strict'

// The envelopes of the encrypted files, for programs that keep their own files. Loaded at the first use.

const native = require('./binding.js')
const { requireObject } = require('./checks.js')
const { EnvelopeCodecError } = require('./errors.js')

/** The message, code and remediation of each failure, by the name that Rust uses for it. */
const FAILURES = {
  downgrade: [
    'Refusing to overwrite an existing v:2 envelope with a weaker v:1 envelope while the machine secret is unavailable',
    'UNAVAILABLE',
    'Restore the machine secret and re-save the value, or remove the existing file if intentional.',
  ],
  malformed: [
    'Envelope is not valid JSON or is malformed/uses unsupported parameters',
    'CORRUPT',
    'Re-save the value or re-authenticate.',
  ],
  tooShort: [
    'Envelope payload is too short to contain a valid header',
    'CORRUPT',
    'Re-save the value or re-authenticate. The file may be truncated or corrupted.',
  ],
  noMachineSecret: [
    'v:2 envelope requires a machine secret that is unavailable',
    'CORRUPT',
    'Re-save the value or re-authenticate. The machine secret may have changed or been removed.',
  ],
  authentication: [
    'Failed to decrypt envelope (authentication failure)',
    'CORRUPT',
    'Re-save the value or re-authenticate. The file may have been created on a different machine or with a different machine secret.',
  ],
  tooLarge: ['The value is too large for an envelope', 'CORRUPT', 'Store less than 48 MiB of text.'],
  noRandomNumbers: ['The system has no random numbers', 'UNAVAILABLE', 'Retry.'],
}

async function encryptEnvelopeString(plaintext, serviceName, options = {}) {
  requireObject(options, 'options')
  const { existingEnvelopeVersion } = options
  const secret = await machineSecret(options)
  return text(native.encryptEnvelope(plaintext, serviceName, { ...secret, existingEnvelopeVersion }))
}

async function decryptEnvelopeString(envelopeJson, serviceName, options = {}) {
  requireObject(options, 'options')
  // The loader is only called for version 2. If it throws, the call rejects with that error.
  const needsSecret = readEnvelopeVersion(envelopeJson) === 2
  const secret = needsSecret ? await machineSecret(options) : { machineSecret: null }
  return text(native.decryptEnvelope(envelopeJson, serviceName, secret))
}

function readEnvelopeVersion(content) {
  return native.envelopeVersion(content)
}

function isValidEnvelope(envelope) {
  try {
    const content = JSON.stringify(envelope)
    return content !== undefined && native.envelopeVersion(content) !== null
  } catch {
    return false
  }
}

module.exports = { decryptEnvelopeString, encryptEnvelopeString, isValidEnvelope, readEnvelopeVersion }

/** Resolves to the machine secret of the caller's loader, or to the path of the file that holds it. */
async function machineSecret({ machineSecretLoader, machineSecretPath }) {
  if (machineSecretLoader === undefined) return { machineSecretPath }
  if (typeof machineSecretLoader !== 'function') throw new TypeError('options.machineSecretLoader must be a function')
  return { machineSecret: (await machineSecretLoader()) ?? null }
}

async function text(answer) {
  const { text, failure } = await answer
  if (failure === null) return text
  throw new EnvelopeCodecError(...FAILURES[failure])
}
