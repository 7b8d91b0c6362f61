'use strict'

// Checks the contract of the package without a test runner, for platforms on which the test suite does not run:
//
//   node scripts/platform-contract.js [--with-keyring] [addon.node]
//
// Exercises every export of the package, with encrypted files and, if it is available, with the platform's keyring, under
// its own service names. Prints a line per check and a total. The addon is the given binary, by default the one built here.
// The home directory is a new one. With --with-keyring, an unavailable keyring is a failure.

const assert = require('node:assert/strict')
const { mkdirSync, mkdtempSync, rmSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { check, total } = require('./platform-contract/check.js')
const { unused, watch } = require('./platform-contract/coverage.js')
const { namedKeys } = require('./platform-contract/named-keys.js')
const { observability } = require('./platform-contract/observability.js')
const { session } = require('./platform-contract/session.js')
const { hardening, settings } = require('./platform-contract/settings.js')
const { severalSteps } = require('./platform-contract/several-steps.js')
const { keyringLimits, store, storeInFiles } = require('./platform-contract/store.js')
const { thinStores } = require('./platform-contract/thin-stores.js')

/** Variables that would select the user's data or another keyring. */
const DATA_VARIABLES = ['LLXPRT_DATA_HOME', 'LLXPRT_CONFIG_HOME', 'LLXPRT_KEYRING', 'XDG_DATA_HOME']

async function main(args) {
  const binary = args.find((arg) => !arg.startsWith('--'))
  const directory = mkdtempSync(path.join(os.tmpdir(), 'securestore-contract-'))
  try {
    const home = path.join(directory, 'home')
    mkdirSync(home)
    process.env.HOME = home
    process.env.USERPROFILE = home
    process.env.LOCALAPPDATA = path.join(home, 'AppData', 'Local')
    for (const name of DATA_VARIABLES) delete process.env[name]
    const addon = watch(load(binary))
    const service = `securestore-contract-${process.pid}`
    console.log(`${process.platform} ${process.arch}, ${(await addon.doctor()).versions.runtime}`)

    const files = { addon, directory, home, service, label: 'files', loader: async () => null }
    await store(files)
    await storeInFiles(files)
    await namedKeys(files)
    await session(files)
    await thinStores(files)
    await severalSteps(files)
    await settings(files)

    const probe = new addon.SecureStore(service, { fallbackPolicy: 'deny' })
    const available = await probe.isKeychainAvailable()
    console.log(`the keyring of this platform is ${available ? '' : 'not '}available`)
    if (args.includes('--with-keyring')) await check('the keyring is available', () => assert.equal(available, true))
    const keyring = { ...files, label: 'keyring', loader: () => osKeyring(addon, service) }
    await observability(keyring, available)
    if (available) {
      await store(keyring)
      await keyringLimits(keyring)
      await namedKeys(keyring)
      await session(keyring)
      await thinStores(keyring)
      await severalSteps(keyring)
    }
    await hardening(addon)
    await check('every export was used', () => {
      const left = unused()
      if (left.length > 0) throw new Error(`Unused: ${left.join(', ')}`)
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed`)
  process.exitCode = total.failed === 0 ? 0 : 1
}

function load(binary) {
  if (binary) {
    // The given binary replaces the one that lib/binding.js would load.
    const binding = path.join(__dirname, '..', 'lib', 'binding.js')
    const exports = require(path.resolve(binary))
    require.cache[binding] = { id: binding, filename: binding, loaded: true, exports }
  }
  return require('../index.js')
}

/** Resolves to the keyring of this platform, with a prefix for service names, so that the user's keys are not touched. */
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
