'use strict'

// A contract that needs no test runner, for platforms the tests do not run on:
//
//   node scripts/platform-contract.js [--with-keyring] [addon.node]
//
// Does everything the package exports, in files and, where it answers, in the platform's own keyring, with names that are
// nobody else's. Prints a line per check and ends with how many held. The addon is the one built here, or the binary that
// is named. Home is a new directory. With --with-keyring a keyring that does not answer is a failure.

const assert = require('node:assert/strict')
const { mkdirSync, mkdtempSync, rmSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { check, total } = require('./platform-contract/check.js')
const { watch, undone } = require('./platform-contract/coverage.js')
const { namedKeys } = require('./platform-contract/named-keys.js')
const { seeing } = require('./platform-contract/seeing.js')
const { session } = require('./platform-contract/session.js')
const { keyringLimits, store, storeInFiles } = require('./platform-contract/store.js')
const { thinStores } = require('./platform-contract/thin-stores.js')

async function main(args) {
  const binary = args.find((arg) => !arg.startsWith('--'))
  const directory = mkdtempSync(path.join(os.tmpdir(), 'securestore-contract-'))
  try {
    const home = path.join(directory, 'home')
    mkdirSync(home)
    process.env.HOME = home
    process.env.USERPROFILE = home
    const addon = watch(load(binary))
    const service = `securestore-contract-${process.pid}`
    console.log(`${process.platform} ${process.arch}, ${(await addon.doctor()).versions.runtime}`)

    const files = { addon, directory, home, service, label: 'files', loader: async () => null }
    await store(files)
    await storeInFiles(files)
    await namedKeys(files)
    await session(files)
    await thinStores(files)

    const probe = new addon.SecureStore(service, { fallbackPolicy: 'deny' })
    const available = await probe.isKeychainAvailable()
    console.log(`the keyring of this platform ${available ? 'answers' : 'does not answer'}`)
    if (args.includes('--with-keyring')) await check('the keyring answers', () => assert.equal(available, true))
    const keyring = { ...files, label: 'keyring', loader: () => osKeyring(addon, service) }
    await seeing(keyring, available)
    if (available) {
      await store(keyring)
      await keyringLimits(keyring)
      await namedKeys(keyring)
      await session(keyring)
      await thinStores(keyring)
    }
    await check('everything that is exported was done', () => {
      const left = undone()
      if (left.length > 0) throw new Error(`not ${left.join(', ')}`)
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed`)
  process.exitCode = total.failed === 0 ? 0 : 1
}

function load(binary) {
  if (binary) {
    // index.js asks for binding.js: what that would have found is put in its place.
    const binding = path.join(__dirname, '..', 'binding.js')
    const exports = require(path.resolve(binary))
    require.cache[binding] = { id: binding, filename: binding, loaded: true, exports }
  }
  return require('../index.js')
}

/** The keyring of this platform, in which every service is one of this run's: nobody's real keys are touched. */
async function osKeyring(addon, prefix) {
  const adapter = await addon.createDefaultKeyringAdapter()
  if (adapter === null) return null
  const own = (service) => `${prefix} ${service}`
  return {
    getPassword: (service, account) => adapter.getPassword(own(service), account),
    setPassword: (service, account, password) => adapter.setPassword(own(service), account, password),
    deletePassword: (service, account) => adapter.deletePassword(own(service), account),
    findCredentials: (service) => adapter.findCredentials(own(service)),
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
