'use strict'

// Where keys are kept, whether the keyring answers, what is wrong and how to mend it: the addon's report, for people.

const os = require('node:os')
const path = require('node:path')
const { paint, printable, say } = require('./output.js')
const { SERVICE } = require('./places.js')

/** A keyring that shows a prompt waits for a person; a check-up does not wait longer than this, in milliseconds. */
const PATIENCE = 10_000

const doctor = {
  usage: 'doctor [--json]',
  summary: 'Say where keys are kept, what is wrong, and how to mend it',
  details: 'Exit code 1 when something is wrong.',
  names: [],
  options: { json: { type: 'boolean' } },
  optionHelp: [['--json', 'the same for programs: { versions, keyring, places, legacy, problems }']],
  run: checkUp,
}

async function checkUp({ options: { json } }) {
  const report = await require('../../index.js').doctor({ keyringTimeoutMs: PATIENCE })
  // After the report, which only looks: reading a key may tighten modes, and take the key into the keyring.
  report.problems.push(...(await unreadable(report)))
  if (json) say(JSON.stringify(report, null, 2))
  else print(report)
  return report.problems.length === 0 ? 0 : 1
}

/** The keys that are there and cannot be read, as those of another machine: the report counts keys, and opens none. */
async function unreadable({ places }) {
  const { ProviderKeyStorage, SecureStore } = require('../../index.js')
  const fallbackDir = places.find(({ service }) => service === SERVICE)?.directory
  const secureStore = new SecureStore(SERVICE, { fallbackDir, keyringTimeoutMs: PATIENCE })
  const keys = new ProviderKeyStorage({ secureStore })
  // A place that cannot be listed is in the report.
  const names = await keys.listKeys().catch(() => [])
  const failures = await Promise.all(names.map((name) => keys.getKey(name).then(() => null, tell(name))))
  return failures.filter((problem) => problem !== null)
}

const tell = (name) => (error) => ({
  message: `Key '${name}' cannot be read: ${error.message}`,
  remedy: error.remediation ?? '',
})

function print({ keyring, places, problems }) {
  say(`OS keyring: ${ofKeyring(keyring)}`)
  for (const place of places) say(`${printable(place.name)}: ${ofPlace(place, keyring)}`)
  if (problems.length === 0) say(paint('green', 'No problems.'))
  for (const { message, remedy } of problems) {
    say(`${paint('red', 'Problem:')} ${printable(message)}\n  ${printable(remedy)}`)
  }
}

function ofKeyring({ backend, why, works, durationMs }) {
  if (backend === 'none') return `none (${printable(why)})`
  return works ? `${backend}, answers in ${durationMs.toFixed(1)} ms` : `${backend}, does not work`
}

function ofPlace({ directory, keyringKeys, fileKeys }, { backend }) {
  const files = `${fileKeys ?? 'unknown'} in files (${printable(shorten(directory))})`
  return backend === 'none' ? files : `${keyringKeys ?? 'unknown'} in the keyring, ${files}`
}

/** A path as people know it, with their home directory as `~`. */
function shorten(directory) {
  const below = path.relative(os.homedir(), directory)
  return below.startsWith('..') || path.isAbsolute(below) ? directory : path.join('~', below)
}

module.exports = { doctor }
