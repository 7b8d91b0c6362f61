'use strict'

// npm run quickstart: installs, builds, and does the main job for real: a named API key is saved, listed, shown, loaded
// and deleted, once in the OS keyring if one answers here, and once in encrypted files in a temporary home. Then what a user
// of an older program is told.

const { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { build, installPackages } = require('./lib/setup.js')
const { root } = require('./lib/run.js')

const NAME = 'quickstart'
const KEY = 'sk-quickstart-not-a-real-key-0123456789'
/** A keyring that shows a prompt waits for a person; a quick start does not wait longer than this, in milliseconds. */
const PATIENCE = 10_000

async function main() {
  await installPackages()
  await build()
  const securestore = require(root)
  const home = mkdtempSync(path.join(os.tmpdir(), 'securestore-quickstart-'))
  try {
    await inKeyring(securestore, home)
    await inFiles(securestore, home)
    await oldData(securestore, home)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
  console.log('\nDone. Run the tests with: npm test')
}

async function inKeyring({ ProviderKeyStorage, SecureStore, createDefaultKeyringAdapter }, home) {
  console.log('\n1. In the OS keyring')
  // A service of its own: nobody's real keys are touched.
  const service = 'llxprt-securestore-quickstart'
  const options = { fallbackDir: path.join(home, 'unused'), fallbackPolicy: 'deny', keyringTimeoutMs: PATIENCE }
  const store = new SecureStore(service, options)
  if (!(await store.isKeychainAvailable())) {
    console.log('   No OS keyring answers on this machine (none running, or locked): keys go to encrypted files here.')
    return
  }
  const adapter = await createDefaultKeyringAdapter()
  await walk(new ProviderKeyStorage({ secureStore: store }), async () => {
    const there = (await adapter?.getPassword(service, NAME)) !== null
    return there ? `OS keyring, service ${service}, account ${NAME}` : 'no longer in the OS keyring'
  })
}

async function inFiles({ ProviderKeyStorage, SecureStore }, home) {
  console.log('\n2. In encrypted files')
  const fallbackDir = path.join(home, '.llxprt', 'provider-keys')
  const store = new SecureStore('llxprt-code-provider-keys', { fallbackDir, keytarLoader: async () => null })
  await walk(new ProviderKeyStorage({ secureStore: store }), async () => {
    const file = path.join(fallbackDir, `${NAME}.enc`)
    return existsSync(file) ? file : `${fallbackDir} (${readdirSync(fallbackDir).length} files)`
  })
}

async function oldData({ findLegacyData }, home) {
  console.log('\n3. What a user of an older program is told')
  const tools = path.join(home, '.llxprt', 'tools')
  mkdirSync(tools, { recursive: true })
  writeFileSync(path.join(tools, 'exa.key'), 'a key in the old format, prepared as an example')
  for (const { message } of await findLegacyData({ homeDir: home })) console.log(`   ${message}`)
}

/** The main job; after each step, `place` says where the key is now. */
async function walk(keys, place) {
  const { maskKeyForDisplay } = require(root)
  const say = async (what, result) =>
    console.log(`   ${what.padEnd(7)} ${result}\n${' '.repeat(11)}in: ${await place()}`)
  await keys.saveKey(NAME, KEY)
  await say('saved', `${NAME} = ${maskKeyForDisplay(KEY)}`)
  for (const name of await keys.listKeys()) {
    await say('listed', `${name}  ${maskKeyForDisplay((await keys.getKey(name)) ?? '')}`)
  }
  const shown = (await keys.getKey(NAME)) ?? ''
  await say('shown', `${NAME}: ${maskKeyForDisplay(shown)} (${shown.length} chars)`)
  if (shown !== KEY) throw new Error('what was loaded is not what was saved')
  await say('loaded', `${NAME}, the same ${shown.length} characters that were saved`)
  if (!(await keys.deleteKey(NAME)) || (await keys.hasKey(NAME))) throw new Error('the key is still there')
  await say('deleted', NAME)
}

main().catch((error) => {
  console.error(`\n${error.message}`)
  process.exitCode = 1
})
