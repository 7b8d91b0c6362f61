'use strict'

// Checks the settings of the process, the functions that recognize errors, and the envelope codec.

const assert = require('node:assert/strict')
const { existsSync } = require('node:fs')
const path = require('node:path')
const { check } = require('./check.js')

async function settings({ addon, directory, service }) {
  await check('configure moves the data directory of stores that are created afterwards', async () => {
    const dataDir = path.join(directory, 'configured')
    addon.configure({ dataDir, osKeyringDisabled: true })
    try {
      await new addon.SecureStore(service).set('key', 'value')
      assert.equal(existsSync(path.join(dataDir, 'secure-store', service)), true)
    } finally {
      addon.configure({ dataDir: null, osKeyringDisabled: null })
    }
  })
  await check('the setting that disables the keyring takes effect at once', async () => {
    addon.setOsKeyringDisabledBySetting(true)
    try {
      assert.equal(await addon.createDefaultKeyringAdapter(), null)
    } finally {
      addon.setOsKeyringDisabledBySetting(false)
    }
  })
  await check('errors are recognized', () => {
    const error = new addon.SecureStoreError('message', 'RUNTIME_REPLACED', 'remedy')
    assert.equal(addon.isSecureStoreError(error), true)
    assert.equal(addon.isSecureStoreError(new Error('message')), false)
    assert.equal(addon.isRuntimeReplacedError(error), true)
    assert.equal(addon.isRuntimeReplacedError({ code: 'RUNTIME_REPLACED' }), true)
    assert.equal(addon.isRuntimeReplacedError(new Error('message')), false)
  })
  await envelopes(addon, service)
}

/** Checks hardenProcess. Must run last, because hardening cannot be undone. */
async function hardening({ hardenProcess }) {
  await check('the process is protected from others as far as the platform allows', () => {
    const { debuggerDenied, coreDumpsDisabled } = hardenProcess()
    assert.equal(debuggerDenied, process.platform === 'linux')
    assert.equal(coreDumpsDisabled, process.platform !== 'win32')
  })
}

async function envelopes(addon, service) {
  const options = { machineSecretLoader: async () => Buffer.alloc(32, 7) }
  await check('an envelope is encrypted, recognized and decrypted', async () => {
    const text = await addon.encryptEnvelopeString('the value', service, options)
    assert.doesNotMatch(text, /the value/)
    assert.equal(addon.readEnvelopeVersion(text), 2)
    assert.equal(addon.isValidEnvelope(JSON.parse(text)), true)
    assert.equal(addon.isValidEnvelope({ v: 2 }), false)
    assert.equal(await addon.decryptEnvelopeString(text, service, options), 'the value')
    await assert.rejects(addon.decryptEnvelopeString(text, 'another service', options), { code: 'CORRUPT' })
  })
  await check('the errors of envelopes have a code and a remediation', () => {
    const error = new addon.EnvelopeCodecError('message', 'CORRUPT', 'remedy')
    assert.ok(error instanceof Error)
    assert.deepEqual([error.message, error.code, error.remediation], ['message', 'CORRUPT', 'remedy'])
  })
}

module.exports = { hardening, settings }
