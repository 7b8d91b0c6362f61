// @ts-check
'use strict'

// npm run bench: compares this addon with what it replaces, in one run. See --help.

const { spawnSync } = require('node:child_process')
const { readFileSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { root, which } = require('../scripts/lib/run.js')
const { BENCH_PROGRAMS, KEYRING_PROGRAMS } = require('../scripts/lib/programs.js')
const { HELP, parse, PARTS } = require('./options.js')

/** @typedef {import('./compare.js').Measurement} Measurement */

async function main() {
  const options = parseOrExplain(process.argv.slice(2))
  if (options === undefined) return
  if (options.help) {
    console.log(HELP)
    return
  }
  if (!prepare(options)) {
    process.exitCode = 1
    return
  }
  // These need the packages and the binary, which exist now.
  if (options.against !== undefined) {
    const { measureAgainst } = require('./against.js')
    process.exitCode = (await measureAgainst(options.against, { ...options, say })) ? 0 : 1
    return
  }
  const { judge } = require('./goals.js')
  const { load, machine } = require('./machine.js')
  const { table, verdictTable } = require('./report.js')
  const before = load()
  const { measurements, leftOut, failed } = await measure(options)
  const results = {
    machine: { ...machine(), load: { before, after: load() } },
    options: { quick: options.quick, parts: options.parts },
    leftOut,
    goals: judge(measurements),
    measurements,
  }
  const text = [
    table(measurements),
    verdictTable(results.goals),
    ...leftOut.map((what) => `Not measured: ${what}`),
  ].join('\n\n')
  if (options.json) console.log(JSON.stringify(results, null, 2))
  else console.log(`\n${text}`)
  const complete = !options.quick && options.parts.length === PARTS.length && leftOut.length === 0
  if (complete) keep(results, options.readme)
  else console.error('\nNot a complete run: benchmark/results.json and docs/bench.svg are not changed.')
  const missed = results.goals.some(({ verdict }) => verdict !== 'met')
  process.exitCode = failed || (options.check && missed) ? 1 : 0
}

/** @param {string[]} args */
function parseOrExplain(args) {
  try {
    return parse(args)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`)
    process.exitCode = 2
  }
}

/** @param {import('./options.js').Options} options @returns {boolean} whether it succeeded */
function prepare({ build, json }) {
  const args = [path.join(__dirname, 'prepare.js'), '--programs']
  if (!build) args.push('--no-build')
  // With --json, standard output is reserved for the JSON.
  return spawnSync(process.execPath, args, { stdio: ['ignore', json ? 2 : 1, 2] }).status === 0
}

/** @param {import('./options.js').Options} options */
async function measure({ quick, parts, dir }) {
  const { Fixtures } = require('./fixtures.js')
  /** @type {Measurement[]} */
  const measurements = []
  /** @type {string[]} */
  const leftOut = []
  let failed = false
  const fixtures = new Fixtures(dir)
  // The log would be measured too, and no store may use the user's data directory.
  delete process.env.LLXPRT_SECURESTORE_LOG
  process.env.LLXPRT_DATA_HOME = fixtures.home
  // Files are measured as on a machine without a keyring. The measurements of the keyring start one of their own.
  process.env.LLXPRT_DISABLE_OS_KEYRING = '1'
  const missing = BENCH_PROGRAMS.filter((program) => !which(program))
  if (missing.length > 0) leftOut.push(`what needs ${missing.join(', ')}`)
  try {
    for (const part of parts) {
      if (part === 'keyring' && !KEYRING_PROGRAMS.every(which)) continue
      try {
        for await (const measurement of scenariosOf(part, { fixtures, quick, say, dir })) {
          measurements.push(measurement)
          say(`${measurement.part}: ${measurement.label}`)
        }
      } catch (error) {
        // The other parts are still measured.
        failed = true
        const reason = error instanceof Error ? error.message.split('\n', 1)[0] : error
        leftOut.push(`the rest of part '${part}': ${reason}`)
      }
    }
  } finally {
    fixtures.remove()
  }
  return { measurements, leftOut, failed }
}

/**
 * @param {string} part
 * @param {import('./files.js').Context} context
 * @returns {AsyncGenerator<Measurement>}
 */
async function* scenariosOf(part, context) {
  if (part === 'files') {
    yield* require('./files.js').measureFiles(context)
    yield* require('./telemetry.js').measureTelemetry(context)
  }
  if (part === 'keyring') yield* require('./keyring.js').measureKeyring(context)
  if (part === 'process') yield* require('./process.js').measureProcess(context)
  if (part === 'concurrency') yield* require('./concurrency.js').measureConcurrency(context)
  if (part === 'scaling') yield* require('./scaling.js').measureScaling(context)
  if (part === 'cost') yield* require('./cost.js').measureCost(context)
}

/** Reports progress. @param {string} what */
function say(what) {
  console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${what}`)
}

/**
 * Saves the results of a complete run.
 *
 * @param {{ machine: object, goals: import('./goals.js').Verdict[], measurements: Measurement[] }} results
 * @param {boolean} inReadme whether to update the README and docs/benchmark.md
 */
function keep(results, inReadme) {
  const { bench } = require('./plot.js')
  const { figuresMarkdown, verdictMarkdown } = require('./report.js')
  writeFileSync(path.join(__dirname, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(path.join(root, 'docs', 'bench.svg'), bench(results.measurements))
  if (!inReadme) return
  replaceBlock('README.md', 'speed', figuresMarkdown(results.goals))
  replaceBlock(path.join('docs', 'benchmark.md'), 'bench', verdictMarkdown(results.goals))
}

/**
 * Replaces the text of a page between the comments `<!-- name -->` and `<!-- /name -->`.
 *
 * @param {string} page
 * @param {string} name
 * @param {string} content
 */
function replaceBlock(page, name, content) {
  const file = path.join(root, page)
  const text = readFileSync(file, 'utf8')
  const block = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`)
  if (!block.test(text)) throw new Error(`${page} has no block '${name}'`)
  writeFileSync(
    file,
    text.replace(block, (_, start, end) => `${start}\n${content}\n\n${end}`),
  )
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
