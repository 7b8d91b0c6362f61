'use strict'

// A contract that needs no test runner, for platforms the tests do not run on: node scripts/platform-contract.js [addon.node]
//
// Saves, finds, lists and deletes, in the platform's own keyring if it answers, and in files. Prints a line per check and
// ends with how many held. The addon is the one built here, or the binary that is named.

const assert = require('node:assert/strict')
const { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const entry = path.join(__dirname, '..', 'index.js')
if (process.argv[2]) {
  // index.js asks for binding.js: what that would have found is put in its place.
  const binding = path.join(__dirname, '..', 'binding.js')
  require.cache[binding] = {
    id: binding,
    filename: binding,
    loaded: true,
    exports: require(path.resolve(process.argv[2])),
  }
}
const { ProviderKeyStorage, SecureStore, SecureStoreError, createDefaultKeyringAdapter } = require(entry)

const service = `securestore-contract-${process.pid}`
const directory = mkdtempSync(path.join(os.tmpdir(), 'securestore-contract-'))
const total = { passed: 0, failed: 0 }

async function check(what, work) {
  try {
    await work()
    total.passed += 1
    console.log(`ok      ${what}`)
  } catch (error) {
    total.failed += 1
    console.log(`FAILED  ${what}: ${error.stack}`)
  }
}

async function round(store, label) {
  const keys = ['plain', 'with space', 'colon:name', '100%', 'schlüssel', 'CON', 'trailing.', 'Case', 'case2']
  await check(`${label}: saves, has and reads ${keys.length} keys`, async () => {
    for (const key of keys) await store.set(key, `value of ${key} 🔑`)
    for (const key of keys) assert.equal(await store.get(key), `value of ${key} 🔑`)
    for (const key of keys) assert.equal(await store.has(key), true)
  })
  await check(`${label}: lists them`, async () => assert.deepEqual(await store.list(), [...keys].sort()))
  await check(`${label}: replaces, and keeps an empty value and one of several lines`, async () => {
    for (const value of ['', 'a\r\nb\n', 'ä'.repeat(500)]) {
      await store.set('plain', value)
      assert.equal(await store.get('plain'), value)
    }
  })
  await check(`${label}: deletes, and finds nothing afterwards`, async () => {
    for (const key of keys) assert.equal(await store.delete(key), true)
    for (const key of keys) assert.equal(await store.delete(key), false)
    assert.equal(await store.get('plain'), null)
    assert.equal(await store.has('plain'), false)
    assert.deepEqual(await store.list(), [])
  })
}

async function main() {
  console.log(`${process.platform} ${process.arch}, Node ${process.version}`)
  const files = path.join(directory, 'files')
  const inFiles = new SecureStore(service, { fallbackDir: files, keytarLoader: async () => null })
  await round(inFiles, 'files')
  await check('files: one per key, atomically, with nothing left over', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => inFiles.set('contended', `value ${i}`)))
    assert.equal(await inFiles.get('contended'), 'value 19')
    assert.deepEqual(
      readdirSync(files).filter((name) => !name.startsWith('.lock')),
      ['contended.enc'],
    )
    assert.match(readFileSync(path.join(files, 'contended.enc'), 'utf8'), /^\{"v":1,"crypto":/)
  })
  await check('errors: a bad key is CORRUPT, a wrong argument a TypeError', async () => {
    await assert.rejects(inFiles.get('a/b'), (error) => error instanceof SecureStoreError && error.code === 'CORRUPT')
    await assert.rejects(inFiles.get(7), TypeError)
  })
  await check('named keys', async () => {
    const keys = new ProviderKeyStorage({ secureStore: inFiles })
    await keys.saveKey('openai', ' sk-123 ')
    assert.equal(await keys.getKey('openai'), 'sk-123')
    assert.equal(await keys.deleteKey('openai'), true)
  })
  await check('an injected keyring', async () => {
    const entries = new Map()
    const store = new SecureStore(service, {
      fallbackPolicy: 'deny',
      keytarLoader: async () => ({
        getPassword: async (_, account) => entries.get(account) ?? null,
        setPassword: async (_, account, password) => void entries.set(account, password),
        deletePassword: async (_, account) => entries.delete(account),
      }),
    })
    await store.set('key', 'value')
    assert.equal(await store.get('key'), 'value')
  })

  const adapter = await createDefaultKeyringAdapter()
  const fallbackDir = path.join(directory, 'beside the keyring')
  const store = new SecureStore(service, { fallbackDir })
  const available = await store.isKeychainAvailable()
  console.log(`the keyring of this platform ${available ? 'answers' : 'does not answer'}`)
  await check('the keyring as an adapter is there when the keyring answers', () =>
    assert.equal(adapter !== null, available),
  )
  if (available) {
    await round(store, 'keyring')
    await check('keyring: no file was written', () => assert.equal(existsSync(fallbackDir), false))
  }
  if (available && process.platform === 'win32') {
    // Credential Manager holds 2,560 bytes, and a character takes two.
    await check('keyring: 1,280 characters fit, and 1,281 go to a file', async () => {
      const [fits, overflows] = ['x'.repeat(1280), 'x'.repeat(1281)]
      await store.set('long', fits)
      assert.equal(existsSync(fallbackDir) && readdirSync(fallbackDir).includes('long.enc'), false)
      await store.set('long', overflows)
      assert.equal(readdirSync(fallbackDir).includes('long.enc'), true)
      assert.equal(await store.get('long'), overflows)
      assert.equal(await store.delete('long'), true)
      assert.equal(await store.get('long'), null)
    })
  }
  rmSync(directory, { recursive: true, force: true })
  console.log(`\n${total.passed} passed, ${total.failed} failed`)
  process.exitCode = total.failed === 0 ? 0 : 1
}

main()
