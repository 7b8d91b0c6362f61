'use strict'

// Keyrings for leaks.test.ts that work, fail or misbehave.

const { SecureStoreError } = require('../..')

/** Returns the loader of a keyring for a mode. */
function loaderOf(mode, secret) {
  if (mode === 'none') return async () => null
  if (mode === 'throws') {
    return async () => {
      throw new Error(secret)
    }
  }
  const adapter = keyring(mode, secret)
  return async () => adapter
}

module.exports = { loaderOf }

/** Returns a keyring that works or fails as the mode says. Its errors contain the password where the mode says so. */
function keyring(mode, secret) {
  const entries = new Map()
  const answer = (password, work) => {
    switch (mode) {
      case 'locked':
      case 'access denied':
      case 'timed out':
      case 'not found':
      case 'something else':
        throw new Error(mode)
      case 'echo':
        throw new Error(`cannot store ${password}`)
      case 'storage error':
        throw new SecureStoreError(`no ${password}`, 'LOCKED', `unlock ${password}`)
      case 'text':
        throw `no ${password}`
      case 'wrong answers':
        return [secret]
      case 'hangs':
        return new Promise(() => {})
      default:
        return work()
    }
  }
  return {
    getPassword: async (service, account) => answer('', () => entries.get(service + account) ?? null),
    setPassword: async (service, account, password) =>
      answer(password, () => void entries.set(service + account, password)),
    deletePassword: async (service, account) => answer('', () => entries.delete(service + account)),
    findCredentials: async () => answer('', () => [...entries].map(([account, password]) => ({ account, password }))),
  }
}
