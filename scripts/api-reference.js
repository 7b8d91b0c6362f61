'use strict'

// npm run docs: builds the API reference from index.d.ts into docs/api, with TypeDoc. With --check it builds nothing, and fails if
// a doc comment has a mistake, such as a link that leads nowhere.

const { existsSync, readFileSync } = require('node:fs')
const path = require('node:path')
const { root, run } = require('./lib/run.js')

const FOLDER = path.join('scripts', 'api-reference')

async function main() {
  await install()
  const typedoc = path.join(FOLDER, 'node_modules', 'typedoc', 'bin', 'typedoc')
  const options = process.argv.includes('--check') ? ['--emit', 'none'] : []
  await run('node', [typedoc, '--options', path.join(FOLDER, 'typedoc.json'), ...options])
}

/** Installs TypeDoc, unless the installed packages are those of the lock file. */
async function install() {
  const packages = (file) => JSON.parse(readFileSync(path.join(root, FOLDER, file), 'utf8')).packages
  const installed = path.join('node_modules', '.package-lock.json')
  if (existsSync(path.join(root, FOLDER, installed))) {
    const [wanted, found] = [packages('package-lock.json'), packages(installed)]
    const names = ['node_modules/typedoc', 'node_modules/typescript']
    if (names.every((name) => wanted[name]?.version === found[name]?.version)) return
  }
  await run('npm', ['ci', '--prefix', FOLDER, '--ignore-scripts', '--no-audit', '--no-fund'])
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
