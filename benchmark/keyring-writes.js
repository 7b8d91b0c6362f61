// @ts-check
'use strict'

// Verified keyring writes of existing and of new keys, compared with `set` followed by `get` of @napi-rs/keyring and with
// the floor: the same write as one raw D-Bus call on an open session. The daemon fsyncs its file at every write, so each
// write is measured with the daemon's files on disk and in memory.

const { execFile } = require('node:child_process')
const { existsSync } = require('node:fs')
const { promisify } = require('node:util')
const { SecureStore } = require('../index.js')
const { PrivateKeyring } = require('../scripts/lib/private-keyring.js')
const { compare, timed } = require('./compare.js')
const { SERVICE, SMALL, keys, value } = require('./fixtures.js')
const { KeyringBaseline } = require('./keyring-baseline.js')
const { RawSecretService } = require('./raw-secret-service.js')

const MEMORY = '/dev/shm'
const COUNT = 50

/** @typedef {import('./compare.js').Measurement} Measurement */

/**
 * @param {import('./files.js').Context} context
 * @returns {AsyncGenerator<Measurement>}
 */
async function* measureWrites(context) {
  yield* writesBelow(context, context.dir, 'disk')
  if (existsSync(MEMORY)) yield* writesBelow(context, MEMORY, 'memory')
}

/**
 * @param {import('./files.js').Context} context
 * @param {string} directory of the daemon's files
 * @param {string} medium
 * @returns {AsyncGenerator<Measurement>}
 */
async function* writesBelow({ fixtures, quick }, directory, medium) {
  const keyring = await PrivateKeyring.start({ directory })
  try {
    const { address } = keyring
    const input = { address, fallbackDir: fixtures.directory(), medium, rounds: quick ? 5 : 60 }
    const env = { ...process.env, DBUS_SESSION_BUS_ADDRESS: address, LLXPRT_DISABLE_OS_KEYRING: undefined }
    // In a separate process, because the D-Bus library of @napi-rs/keyring keeps its first connection.
    const { stdout } = await promisify(execFile)(process.execPath, [__filename, JSON.stringify(input)], { env })
    yield* /** @type {Measurement[]} */ (JSON.parse(stdout))
  } finally {
    keyring.stop()
  }
}

/** @param {{ address: string, fallbackDir: string, medium: string, rounds: number }} input */
async function main({ address, fallbackDir, medium, rounds }) {
  const addon = new SecureStore(SERVICE, { fallbackDir, fallbackPolicy: 'deny' })
  const napi = new KeyringBaseline(SERVICE)
  const raw = await RawSecretService.connect(address)
  for (const key of keys(COUNT)) await addon.set(key, value(SMALL))
  const measurements = [
    await replacing(addon, napi, raw, medium, rounds),
    await creating(addon, napi, raw, medium, rounds),
  ]
  raw.close()
  console.log(JSON.stringify(measurements))
}

/**
 * @param {SecureStore} addon
 * @param {InstanceType<typeof KeyringBaseline>} napi
 * @param {InstanceType<typeof RawSecretService>} raw
 * @param {string} medium
 * @param {number} rounds
 */
async function replacing(addon, napi, raw, medium, rounds) {
  const [key = ''] = keys(1)
  const [item = ''] = await raw.find({ service: SERVICE, username: key })
  let writes = 0
  // Every write changes the value.
  const next = () => {
    writes += 1
    return value(SMALL - 6) + String(writes).padStart(6, '0')
  }
  return compare({
    id: `keyring-set-replace-${medium}`,
    part: 'keyring',
    label: `set, verified, replacing, ${COUNT} keys, daemon's files ${where(medium)}`,
    contestants: {
      addon: () => timed(() => addon.set(key, next())),
      'napi-keyring-set-get': () => timed(() => napi.setVerified(key, next())),
      'raw-calls': () => timed(() => raw.replace(item, next())),
    },
    rounds,
    warmup: 5,
  })
}

/**
 * @param {SecureStore} addon
 * @param {InstanceType<typeof KeyringBaseline>} napi
 * @param {InstanceType<typeof RawSecretService>} raw
 * @param {string} medium
 * @param {number} rounds
 */
async function creating(addon, napi, raw, medium, rounds) {
  let created = 0
  /** @param {(key: string) => unknown} create @param {(key: string) => unknown} remove */
  const contestant = (create, remove) => async () => {
    created += 1
    const key = `new-${created}`
    const duration = await timed(() => create(key))
    await remove(key)
    return duration
  }
  return compare({
    id: `keyring-set-new-${medium}`,
    part: 'keyring',
    label: `set, verified, new key, ${COUNT} keys, daemon's files ${where(medium)}`,
    contestants: {
      addon: contestant(
        (key) => addon.set(key, value(SMALL)),
        (key) => addon.delete(key),
      ),
      'napi-keyring-set-get': contestant(
        (key) => napi.setVerified(key, value(SMALL)),
        (key) => napi.delete(key),
      ),
      'raw-calls': contestant(
        (key) => raw.create({ service: SERVICE, username: key }, value(SMALL)),
        async (key) => {
          for (const item of await raw.find({ service: SERVICE, username: key })) await raw.delete(item)
        },
      ),
    },
    rounds,
    warmup: 3,
  })
}

/** @param {string} medium */
function where(medium) {
  return medium === 'disk' ? 'on disk' : 'in memory'
}

module.exports = { measureWrites }

if (require.main === module) {
  main(JSON.parse(process.argv[2] ?? '{}')).catch((error) => {
    console.error(error)
    process.exitCode = 1
  })
}
