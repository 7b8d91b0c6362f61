'use strict'

// Checks SecureStore, and the platform's keyring as an adapter.

const assert = require('node:assert/strict')
const { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { check } = require('./check.js')

/** Names that some file systems or keyrings treat specially. */
const KEYS = ['plain', 'with space', 'colon:name', '100%', 'schlüssel', 'CON', 'trailing.', 'Case', 'case2']

/** Checks a store. `inKeyring` is whether the keyring works, so that values are in it and not in files. */
async function store({ addon, directory, service, label, loader, inKeyring = label === 'keyring' }) {
  const fallbackDir = path.join(directory, label)
  const ownKeyring = label === 'keyring' ? {} : { keyringLoader: loader }
  const secrets = new addon.SecureStore(service, { fallbackDir, ...ownKeyring })
  await check(`${label}: saves, has and reads ${KEYS.length} keys`, async () => {
    for (const key of KEYS) await secrets.set(key, `value of ${key} 🔑`)
    for (const key of KEYS) assert.equal(await secrets.get(key), `value of ${key} 🔑`)
    for (const key of KEYS) assert.equal(await secrets.has(key), true)
  })
  await check(`${label}: lists them`, async () => assert.deepEqual(await secrets.list(), [...KEYS].sort()))
  await check(`${label}: knows where each value is`, async () => {
    const storedIn = inKeyring ? 'keyring' : 'file'
    assert.equal(await secrets.locate('plain'), storedIn)
    assert.equal(await secrets.locate('missing'), null)
    const { entries, incomplete } = await secrets.entries()
    const expected = [...KEYS].sort().map((key) => ({ key, value: `value of ${key} 🔑`, storedIn, error: null }))
    assert.deepEqual(entries, expected)
    assert.equal(incomplete, null)
  })
  await check(`${label}: replaces values, including with an empty one and one of several lines`, async () => {
    for (const value of ['', 'a\r\nb\n', 'ä'.repeat(500)]) {
      await secrets.set('plain', value)
      assert.equal(await secrets.get('plain'), value)
    }
  })
  await check(`${label}: twenty concurrent changes are made in order`, async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => secrets.set('plain', `value ${i}`)))
    assert.equal(await secrets.get('plain'), 'value 19')
  })
  await check(`${label}: deletes all keys`, async () => {
    for (const key of KEYS) assert.equal(await secrets.delete(key), true)
    for (const key of KEYS) assert.equal(await secrets.delete(key), false)
    assert.equal(await secrets.get('plain'), null)
    assert.equal(await secrets.has('plain'), false)
    assert.deepEqual(await secrets.list(), [])
  })
  await check(`${label}: ${inKeyring ? 'uses the keyring and writes no file' : 'uses no keyring'}`, async () => {
    assert.equal(await secrets.isKeychainAvailable(), inKeyring)
    assert.equal(existsSync(fallbackDir), !inKeyring)
  })
}

async function storeInFiles({ addon, directory, service, loader }) {
  const { SecureStore, SecureStoreError } = addon
  const fallbackDir = path.join(directory, 'files')
  const secrets = new SecureStore(service, { fallbackDir, keytarLoader: loader })
  const code = (expected) => (error) => error instanceof SecureStoreError && error.code === expected
  await check('files: each key has one, and no temporary file remains', async () => {
    await secrets.set('contended', 'value')
    const files = readdirSync(fallbackDir).filter((name) => !name.startsWith('.'))
    assert.deepEqual(files, ['contended.enc'])
    const text = readFileSync(path.join(fallbackDir, 'contended.enc'), 'utf8')
    assert.match(text, /^\{"v":[12],"crypto":/)
    assert.doesNotMatch(text, /value/)
  })
  // Windows has no file modes. The user's profile directory protects the files.
  if (process.platform !== 'win32') {
    await check('files: only the user may read them', () => {
      assert.equal(statSync(fallbackDir).mode & 0o777, 0o700)
      assert.equal(statSync(path.join(fallbackDir, 'contended.enc')).mode & 0o777, 0o600)
    })
  }
  await check('files: with a machine secret they are of version 2, and read back', async () => {
    const own = path.join(directory, 'version-2')
    const machineSecretPath = path.join(directory, 'machine_secret')
    const sealed = new SecureStore(service, { fallbackDir: own, keyringLoader: loader, machineSecretPath })
    await sealed.set('key', 'value')
    assert.match(readFileSync(path.join(own, 'key.enc'), 'utf8'), /^\{"v":2,/)
    assert.equal(await sealed.get('key'), 'value')
  })
  await check('errors: invalid keys and broken files are CORRUPT, no keyring under deny is UNAVAILABLE', async () => {
    for (const key of ['', '.', '..', 'a/b', 'a\\b', 'a\0b']) await assert.rejects(secrets.get(key), code('CORRUPT'))
    writeFileSync(path.join(fallbackDir, 'broken.enc'), 'no envelope')
    await assert.rejects(secrets.get('broken'), code('CORRUPT'))
    const denied = new SecureStore(service, { fallbackPolicy: 'deny', keyringLoader: loader })
    await assert.rejects(denied.set('key', 'value'), code('UNAVAILABLE'))
  })
  await check('errors: an impossible directory is a storage error, a wrong argument a TypeError', async () => {
    mkdirSync(path.join(directory, 'odd'))
    const file = path.join(directory, 'odd', 'file')
    writeFileSync(file, '')
    const nowhere = new SecureStore(service, { fallbackDir: path.join(file, 'below'), keyringLoader: loader })
    await assert.rejects(nowhere.set('key', 'value'), (error) => error instanceof SecureStoreError)
    await assert.rejects(secrets.get(7), TypeError)
    assert.throws(() => new SecureStore(''), TypeError)
  })
  await check('errors: have a name, a code and a remediation', () => {
    const error = new SecureStoreError('message', 'LOCKED', 'remedy')
    assert.deepEqual(
      [error.name, error.message, error.code, error.remediation],
      ['SecureStoreError', 'message', 'LOCKED', 'remedy'],
    )
    assert.ok(error instanceof Error)
  })
  await check('an injected keyring receives the values', async () => {
    const entries = new Map()
    const store = new SecureStore(service, {
      fallbackPolicy: 'deny',
      keyringLoader: async () => ({
        getPassword: async (_, account) => entries.get(account) ?? null,
        setPassword: async (_, account, password) => void entries.set(account, password),
        deletePassword: async (_, account) => entries.delete(account),
      }),
    })
    await store.set('key', 'value')
    assert.equal(await store.get('key'), 'value')
    assert.equal(entries.get('key'), 'value')
  })
}

async function keyringLimits({ addon, directory, service }) {
  await check('keyring: the adapter sets, finds and deletes', async () => {
    const adapter = await addon.createDefaultKeyringAdapter()
    const own = `${service} adapter`
    await adapter.setPassword(own, 'account', 'password')
    assert.equal(await adapter.getPassword(own, 'account'), 'password')
    assert.deepEqual(await adapter.findCredentials(own), [{ account: 'account', password: 'password' }])
    assert.equal(await adapter.deletePassword(own, 'account'), true)
    assert.equal(await adapter.deletePassword(own, 'account'), false)
    assert.equal(await adapter.getPassword(own, 'account'), null)
  })
  if (process.platform !== 'win32') return
  // Credential Manager stores up to 2,560 bytes, and a character takes two.
  await check('keyring: 1,280 characters fit, and 1,281 go to a file', async () => {
    const fallbackDir = path.join(directory, 'beside the keyring')
    const secrets = new addon.SecureStore(service, { fallbackDir })
    const [fits, overflows] = ['x'.repeat(1280), 'x'.repeat(1281)]
    await secrets.set('long', fits)
    assert.equal(existsSync(fallbackDir) && readdirSync(fallbackDir).includes('long.enc'), false)
    await secrets.set('long', overflows)
    assert.equal(readdirSync(fallbackDir).includes('long.enc'), true)
    assert.equal(await secrets.get('long'), overflows)
    assert.equal(await secrets.delete('long'), true)
    assert.equal(await secrets.get('long'), null)
  })
}

module.exports = { keyringLimits, store, storeInFiles }
