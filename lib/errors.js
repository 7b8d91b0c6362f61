'use strict'

// The error classes, and functions that recognize their errors.

class SecureStoreError extends Error {
  constructor(message, code, remediation) {
    super(message)
    this.code = code
    this.remediation = remediation
  }
}

class EnvelopeCodecError extends Error {
  constructor(message, code, remediation) {
    super(message)
    this.code = code
    this.remediation = remediation
  }
}

// On the prototype, like the names of the built-in errors.
for (const Class of [SecureStoreError, EnvelopeCodecError]) {
  Object.defineProperty(Class.prototype, 'name', { value: Class.name, configurable: true, writable: true })
}

function isSecureStoreError(error) {
  return error instanceof SecureStoreError
}

function isRuntimeReplacedError(error) {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'RUNTIME_REPLACED'
}

module.exports = { EnvelopeCodecError, SecureStoreError, isRuntimeReplacedError, isSecureStoreError }
