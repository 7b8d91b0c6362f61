// @ts-check
'use strict'

// Counts the method calls that the Secret Service receives when all keys are listed and read.

const { KeyCommand, ProviderKeyStorage } = require('../index.js')
const { which } = require('../scripts/lib/run.js')
const { BusMonitor } = require('./bus-monitor.js')
const { summarize } = require('./compare.js')
const { SERVICE } = require('./fixtures.js')
const { KeyringBaseline } = require('./keyring-baseline.js')
const { readAll } = require('./tasks/stores.js')

/** The methods that are reported separately, with their labels. */
const METHODS = { SearchItems: 'searches', GetSecrets: 'batches of secrets' }

/**
 * @param {NodeJS.ProcessEnv} env in which the keyring is found
 * @param {InstanceType<typeof import('@llxprt/securestore').SecureStore>} store
 * @param {number} count of keys in the keyring
 * @returns {AsyncGenerator<import('./compare.js').Measurement>}
 */
async function* measureMessages(env, store, count) {
  if (!which('dbus-monitor')) return
  const command = new KeyCommand(new ProviderKeyStorage({ secureStore: store }))
  const napi = new KeyringBaseline(SERVICE)
  /** @type {Record<string, () => unknown>} */
  const contestants = {
    'addon-key-list': () => command.run('list'),
    'addon-entries': () => readAll(store),
    'napi-keyring-one-call': () => napi.readAllAtOnce(),
  }
  /** @type {Map<string, Map<string, number>>} */
  const calls = new Map()
  const monitor = await BusMonitor.start(env.DBUS_SESSION_BUS_ADDRESS ?? '')
  try {
    for (const [name, work] of Object.entries(contestants)) calls.set(name, await monitor.count(work))
  } finally {
    monitor.stop()
  }
  const figures = { part: 'keyring', unit: 'calls' }
  const samplesOf = (/** @type {(calls: Map<string, number>) => number} */ figure) =>
    new Map([...calls].map(([name, counted]) => [name, [[figure(counted)]]]))
  for (const [method, what] of Object.entries(METHODS)) {
    const samples = samplesOf((counted) => counted.get(method) ?? 0)
    const label = `${what} (${method}) to list and read ${count.toLocaleString('en')} keys`
    yield summarize({ ...figures, id: `keyring-messages-${count}-${method}`, label, samples })
  }
  const samples = samplesOf((counted) => [...counted.values()].reduce((sum, calls) => sum + calls, 0))
  const label = `all method calls to list and read ${count.toLocaleString('en')} keys`
  yield summarize({ ...figures, id: `keyring-messages-${count}`, label, samples })
}

module.exports = { measureMessages }
