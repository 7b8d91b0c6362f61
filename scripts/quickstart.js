'use strict'

// npm run quickstart: installs the packages, builds the addon, and saves, lists, shows, loads and deletes a named API key:
// first with the API in the OS keyring, if there is one, then with llxprt-key in encrypted files in a temporary home.
// Finally, it shows the notice about data of earlier programs.

const { spawnSync } = require('node:child_process')
const { createHash } = require('node:crypto')
const { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { build, installPackages } = require('./lib/setup.js')
const { root } = require('./lib/run.js')

const NAME = 'quickstart'
const KEY = 'sk-quickstart-not-a-real-key-0123456789'
/** The time limit of a keyring call in milliseconds. A keyring that prompts would wait for the user. */
const TIMEOUT_MS = 10_000

async function main() {
  await installPackages()
  await build()
  const securestore = require(root)
  const home = mkdtempSync(path.join(os.tmpdir(), 'securestore-quickstart-'))
  // Nothing is written to the user's own data directory.
  process.env.LLXPRT_DATA_HOME = path.join(home, '.llxprt')
  try {
    await inKeyring(securestore, home)
    inFiles(home)
    await legacyData(securestore, home)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
  console.log('\nDone. Run the tests with: npm test')
}

async function inKeyring({ ProviderKeyStorage, SecureStore, createDefaultKeyringAdapter }, home) {
  console.log('\n1. In the OS keyring')
  // A separate service, so that the user's keys are not touched.
  const service = 'llxprt-securestore-quickstart'
  const options = { fallbackDir: path.join(home, 'unused'), fallbackPolicy: 'deny', keyringTimeoutMs: TIMEOUT_MS }
  const store = new SecureStore(service, options)
  if (!(await store.isKeychainAvailable())) {
    console.log('   No OS keyring is available (not running, or locked). Keys go to encrypted files here.')
    return
  }
  const adapter = await createDefaultKeyringAdapter()
  await walk(new ProviderKeyStorage({ secureStore: store }), async () => {
    const exists = (await adapter?.getPassword(service, NAME)) !== null
    return exists ? `OS keyring, service ${service}, account ${NAME}` : 'no longer in the OS keyring'
  })
}

function inFiles(home) {
  console.log('\n2. In encrypted files, from a shell')
  const folder = path.join(home, '.llxprt', 'provider-keys')
  const printHash = 'require("node:crypto").createHash("sha256").update(process.env.API_KEY).digest("hex")'
  shell(home, ['save', NAME], KEY)
  const savedFiles = () => readdirSync(folder).filter((name) => name.endsWith('.enc'))
  console.log(`           in: ${path.join(folder, savedFiles()[0] ?? '')}`)
  shell(home, ['list'])
  shell(home, ['show', NAME])
  const hash = shell(home, ['run', NAME, '--', process.execPath, '-p', printHash]).trim()
  if (hash !== createHash('sha256').update(KEY).digest('hex'))
    throw new Error('The loaded key differs from the saved one')
  shell(home, ['delete', NAME, '--force'])
  if (savedFiles().length > 0) throw new Error('The key still exists')
}

/** Runs llxprt-key, prints the command and its output, and returns the output. */
function shell(home, args, input = '') {
  console.log(`   $ ${input && 'echo … | '}llxprt-key ${args.map(quote).join(' ')}`)
  const env = { ...process.env, HOME: home, USERPROFILE: home, LLXPRT_DISABLE_OS_KEYRING: '1' }
  const program = path.join(root, 'bin', 'llxprt-key.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { env, input, encoding: 'utf8' })
  if (status !== 0) throw new Error(`llxprt-key ${args[0]} failed: ${stderr}`)
  console.log(stdout.trimEnd().replace(/^/gm, '     '))
  return stdout
}

/** Quotes an argument for a shell. */
function quote(arg) {
  return /^[\w./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`
}

async function legacyData({ findLegacyData }, home) {
  console.log('\n3. The notice about data of earlier programs')
  const tools = path.join(home, '.llxprt', 'tools')
  mkdirSync(tools, { recursive: true })
  writeFileSync(path.join(tools, 'exa.key'), 'a key in the old format, prepared as an example')
  for (const { message } of await findLegacyData({ homeDir: home })) console.log(`   ${message}`)
}

/** Saves, lists, shows, loads and deletes a key, and prints each step. `locate` resolves to where the key is. */
async function walk(keys, locate) {
  const { maskKeyForDisplay } = require(root)
  const say = async (step, result) =>
    console.log(`   ${step.padEnd(7)} ${result}\n${' '.repeat(11)}in: ${await locate()}`)
  await keys.saveKey(NAME, KEY)
  await say('saved', `${NAME} = ${maskKeyForDisplay(KEY)}`)
  for (const name of await keys.listKeys()) {
    await say('listed', `${name}  ${maskKeyForDisplay((await keys.getKey(name)) ?? '')}`)
  }
  const shown = (await keys.getKey(NAME)) ?? ''
  await say('shown', `${NAME}: ${maskKeyForDisplay(shown)} (${shown.length} chars)`)
  if (shown !== KEY) throw new Error('The loaded key differs from the saved one')
  await say('loaded', `${NAME}, with the ${shown.length} characters that were saved`)
  if (!(await keys.deleteKey(NAME)) || (await keys.hasKey(NAME))) throw new Error('The key still exists')
  await say('deleted', NAME)
}

main().catch((error) => {
  console.error(`\n${error.message}`)
  process.exitCode = 1
})
