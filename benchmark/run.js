// @ts-check
'use strict'

// npm run bench: this addon side by side with what it replaces, in one run. See --help.

const { spawnSync } = require('node:child_process')
const { readFileSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { root, which } = require('../scripts/lib/run.js')
const { KEYRING_PROGRAMS } = require('../scripts/lib/programs.js')
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
  // The rest needs the packages and the binary, which are there now.
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
  const text = [table(measurements), verdictTable(results.goals), ...leftOut.map((what) => `Left out: ${what}`)].join(
    '\n\n',
  )
  if (options.json) console.log(JSON.stringify(results, null, 2))
  else console.log(`\n${text}`)
  const complete = !options.quick && options.parts.length === PARTS.length && leftOut.length === 0
  if (complete) keep(results, options.readme)
  else console.error('\nNot a complete run: benchmark/results.json and docs/bench.svg stay as they are.')
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

/** @param {import('./options.js').Options} options @returns {boolean} whether there is something to measure */
function prepare({ build, json, parts }) {
  const args = [path.join(__dirname, 'prepare.js')]
  if (!build) args.push('--no-build')
  if (parts.includes('keyring')) args.push('--keyring')
  // Standard output is for the JSON alone, where that was asked for.
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
  const missing = KEYRING_PROGRAMS.filter((program) => !which(program))
  const say = (/** @type {string} */ what) =>
    console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${what}`)
  // Somebody's log would be measured with it.
  delete process.env.LLXPRT_SECURESTORE_LOG
  const fixtures = new Fixtures(dir)
  try {
    for (const part of parts) {
      if (part === 'keyring' && missing.length > 0) {
        leftOut.push(`the keyring, which takes ${missing.join(', ')}`)
        continue
      }
      try {
        for await (const measurement of scenariosOf(part, { fixtures, quick, say, dir })) {
          measurements.push(measurement)
          say(`${measurement.part}: ${measurement.label}`)
        }
      } catch (error) {
        // The other parts are worth having all the same.
        failed = true
        leftOut.push(
          `what comes after this in '${part}': ${error instanceof Error ? error.message.split('\n', 1)[0] : error}`,
        )
      }
    }
  } finally {
    fixtures.remove()
  }
  return { measurements, leftOut, failed }
}

/**
 * @param {string} part
 * @param {import('./keyring.js').Context} context
 * @returns {AsyncGenerator<Measurement>}
 */
async function* scenariosOf(part, context) {
  if (part === 'files') {
    yield* require('./files.js').measureFiles(context)
    yield* require('./telemetry.js').measureTelemetry(context)
  }
  if (part === 'keyring') yield* require('./keyring.js').measureKeyring(context)
  if (part === 'process') yield* require('./process.js').measureProcess(context)
}

/**
 * Writes down what a complete run found.
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
 * Replaces what a page has between the comments `<!-- name -->` and `<!-- /name -->`.
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
