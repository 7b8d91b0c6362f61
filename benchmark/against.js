// @ts-check
'use strict'

// `npm run bench -- --against <revision>`: builds a git revision next to this tree, measures both alternately in fresh
// processes, and reports which figures are worse beyond their interval.

const { execFileSync } = require('node:child_process')
const { symlinkSync } = require('node:fs')
const path = require('node:path')
const { SecureStore } = require('../index.js')
const { KEYRING_PROGRAMS } = require('../scripts/lib/programs.js')
const { PrivateKeyring } = require('../scripts/lib/private-keyring.js')
const { root, run, which } = require('../scripts/lib/run.js')
const { compare } = require('./compare.js')
const { Fixtures, SERVICE, SMALL, keys, machineSecretOf, value } = require('./fixtures.js')
const { fresh } = require('./fresh.js')
const { columns } = require('./report.js')
const { decimals, times } = require('./goals.js')

/** Smaller differences are not reported. */
const TOLERANCE = 1.02

/**
 * @typedef {import('./compare.js').Measurement} Measurement
 * @typedef {{ id: string, label: string, unit?: string, task: string, input: object, env?: NodeJS.ProcessEnv, calls: number }} Scenario
 * `calls` is the number of figures from one process
 */

/**
 * Measures this tree against a revision and prints the result.
 *
 * @param {string} revision
 * @param {{ quick: boolean, dir: string, say: (what: string) => void }} options
 * @returns {Promise<boolean>} whether no figure is worse
 */
async function measureAgainst(revision, { quick, dir, say }) {
  const fixtures = new Fixtures(dir)
  process.env.LLXPRT_DATA_HOME = fixtures.home
  // As in run.js: files are measured without a keyring.
  process.env.LLXPRT_DISABLE_OS_KEYRING = '1'
  const folder = path.join(fixtures.home, 'revision')
  try {
    await checkOut(revision, folder)
    /** @type {Measurement[]} */
    const measurements = []
    for await (const scenario of scenarios(fixtures, dir)) {
      const measurement = await measure(scenario, revision, folder, quick)
      say(measurement.label)
      measurements.push(measurement)
    }
    console.log(`\n${report(measurements, revision)}`)
    return measurements.every((measurement) => verdictOf(measurement, revision) !== 'worse')
  } finally {
    execFileSync('git', ['worktree', 'remove', '--force', folder], { cwd: root, stdio: 'ignore' })
    fixtures.remove()
  }
}

/** @param {readonly Measurement[]} measurements @param {string} revision */
function report(measurements, revision) {
  const rows = measurements.map((measurement) => {
    const { label, unit, contestants, ratios, failures } = measurement
    const [here, there] = [contestants.here, contestants[revision]].map((summary) =>
      summary ? `${decimals(summary.median)} ${unit}` : '',
    )
    const ratio = ratios[revision]
    const difference = ratio ? times(ratio) : (failures[revision] ?? '')
    return [label, here ?? '', there ?? '', difference, verdictOf(measurement, revision)]
  })
  return columns([['', 'this tree', revision, `${revision} / this tree`, ''], ...rows])
}

/**
 * Compares the interval of the ratio with 1.
 *
 * @param {Measurement} measurement
 * @param {string} revision
 * @returns {'worse' | 'better' | 'same' | 'not comparable'}
 */
function verdictOf({ ratios }, revision) {
  const ratio = ratios[revision]
  if (!ratio || ratio.low === null || ratio.high === null) return 'not comparable'
  if (ratio.high < 1 / TOLERANCE) return 'worse'
  return ratio.low > TOLERANCE ? 'better' : 'same'
}

/**
 * Checks out a revision and builds it. Cargo's output is kept, so that the next comparison builds only what differs.
 *
 * @param {string} revision
 * @param {string} folder
 */
async function checkOut(revision, folder) {
  await run('git', ['worktree', 'add', '--force', '--detach', folder, revision])
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  const env = { ...process.env, CARGO_TARGET_DIR: path.join(root, 'target', 'against') }
  const cli = path.join(folder, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js')
  await run(process.execPath, [cli, 'build', '--cwd', folder, '--platform', '--release', '--no-js'], { env })
}

/** @param {InstanceType<typeof Fixtures>} fixtures @param {string} dir @returns {AsyncGenerator<Scenario>} */
async function* scenarios(fixtures, dir) {
  yield { id: 'require', label: 'load the module', task: 'require', input: {}, calls: 1 }
  for (const count of [50, 1000]) {
    const directory = await fixtures.files(count)
    const store = { directory, machineSecret: machineSecretOf(directory), service: SERVICE, key: keys(1)[0] }
    if (count === 50) {
      yield { id: 'load-and-get', label: 'load and first get, files', task: 'loadAndGet', input: store, calls: 1 }
      yield { id: 'memory', label: 'memory of first use', unit: 'MB', task: 'memoryOfFirstUse', input: store, calls: 1 }
    }
    yield* warm(`files, ${count} keys`, { ...store, directory: fixtures.copy(directory) })
  }
  if (KEYRING_PROGRAMS.every(which)) yield* inKeyring(fixtures, dir)
}

/** @param {InstanceType<typeof Fixtures>} fixtures @param {string} dir @returns {AsyncGenerator<Scenario>} */
async function* inKeyring(fixtures, dir) {
  const keyring = await PrivateKeyring.start({ directory: dir })
  const before = { ...process.env }
  try {
    process.env.DBUS_SESSION_BUS_ADDRESS = keyring.address
    delete process.env.LLXPRT_DISABLE_OS_KEYRING
    const directory = fixtures.directory()
    const store = new SecureStore(SERVICE, { fallbackDir: directory, fallbackPolicy: 'deny' })
    for (const key of keys(50)) await store.set(key, value(SMALL))
    const input = { directory, service: SERVICE, key: keys(1)[0], inKeyring: true }
    const env = { ...keyring.environment(), LLXPRT_DATA_HOME: fixtures.home }
    yield { id: 'keyring-first', label: 'load and first get, keyring', task: 'loadAndGet', input, env, calls: 1 }
    yield* warm('keyring, 50 keys', input, env)
  } finally {
    process.env = before
    keyring.stop()
  }
}

/**
 * @param {string} where
 * @param {object} store
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Generator<Scenario>}
 */
function* warm(where, store, env = {}) {
  for (const [op, calls] of /** @type {const} */ ([
    ['get', 100],
    ['set', 40],
    ['list', 20],
    ['readAll', 10],
  ])) {
    yield { id: `${op}-${where}`, label: `${op}, ${where}`, task: 'warm', input: { ...store, op, calls }, env, calls }
  }
}

/**
 * @param {Scenario} scenario
 * @param {string} revision
 * @param {string} folder
 * @param {boolean} quick
 */
function measure({ id, label, unit = 'ms', task, input, env = {}, calls }, revision, folder, quick) {
  const all = { who: 'addon', ...input }
  return compare({
    id,
    part: 'against',
    label,
    unit,
    contestants: {
      here: () => fresh(task, all, { ...env, SECURESTORE_BENCH_ADDON: root }),
      [revision]: () => fresh(task, all, { ...env, SECURESTORE_BENCH_ADDON: folder }),
    },
    rounds: quick ? 6 : calls > 1 ? 15 : 40,
  })
}

module.exports = { measureAgainst, report, verdictOf }
