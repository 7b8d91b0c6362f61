'use strict'

// Where keys are kept, whether the keyring answers, what is wrong and how to mend it.

const os = require('node:os')
const path = require('node:path')
const { paint, printable, say } = require('./output.js')
const { SERVICE, directory, look } = require('./places.js')

/** A keyring that shows a prompt waits for a person; a check-up does not wait longer than this, in milliseconds. */
const PATIENCE = 10_000

const doctor = {
  usage: 'doctor [--json]',
  summary: 'Say where keys are kept, what is wrong, and how to mend it',
  details: 'Exit code 1 when something is wrong.',
  names: [],
  options: { json: { type: 'boolean' } },
  optionHelp: [['--json', 'the same for programs: { keyring, files, problems }']],
  run: checkUp,
}

const KEYRING_STATES = {
  working: 'answers',
  failing: 'does not work',
  unavailable: 'there is none',
  disabled: 'left alone (LLXPRT_DISABLE_OS_KEYRING=1)',
}

async function checkUp({ options: { json } }) {
  const report = await examine()
  if (json) say(JSON.stringify(report, null, 2))
  else print(report)
  return report.problems.length === 0 ? 0 : 1
}

async function examine() {
  const { getProviderKeyStorage } = require('../../index.js')
  const problems = []
  const state = await keyringState(problems)
  const keys = getProviderKeyStorage()
  const names = await keys.listKeys().catch((error) => {
    problems.push(problem('Keys cannot be listed', error))
    return []
  })
  for (const name of names) {
    await keys.getKey(name).catch((error) => problems.push(problem(`Key '${name}' cannot be read`, error)))
  }
  const { placeOf } = await look()
  const at = (place) => names.filter((name) => placeOf(name) === place)
  return {
    keyring: { state, keys: at('keyring') },
    files: { directory: directory(), keys: at('file') },
    problems,
  }
}

async function keyringState(problems) {
  const { SecureStore, createDefaultKeyringAdapter } = require('../../index.js')
  if (process.env.LLXPRT_DISABLE_OS_KEYRING === '1') return 'disabled'
  const adapter = await createDefaultKeyringAdapter()
  if (!adapter) {
    const remedy = 'Start or install one (gnome-keyring, KWallet), or set LLXPRT_DISABLE_OS_KEYRING=1 to do without.'
    problems.push({ message: 'No OS keyring answers; keys go to encrypted files.', remedy })
    return 'unavailable'
  }
  const store = new SecureStore(SERVICE, { fallbackPolicy: 'deny', keyringTimeoutMs: PATIENCE })
  if (await store.isKeychainAvailable()) return 'working'
  const unsaid = { message: 'it did not give back what was written', remediation: 'Unlock or restart it.' }
  const error = await adapter.findCredentials(SERVICE).then(
    () => unsaid,
    (error) => error,
  )
  problems.push(problem('The OS keyring does not work', error))
  return 'failing'
}

function problem(what, { message, remediation }) {
  return { message: `${what}: ${message}`, remedy: remediation ?? '' }
}

function print({ keyring, files, problems }) {
  say(`OS keyring: ${KEYRING_STATES[keyring.state]}, ${count(keyring.keys)}`)
  say(
    `Encrypted files: ${printable(path.join('~', path.relative(os.homedir(), files.directory)))}, ${count(files.keys)}`,
  )
  if (problems.length === 0) say(paint('green', 'Nothing is wrong.'))
  for (const { message, remedy } of problems) {
    say(`${paint('red', 'Problem:')} ${printable(message)}\n  ${printable(remedy)}`)
  }
}

function count({ length }) {
  return length === 1 ? '1 key' : `${length} keys`
}

module.exports = { doctor }
