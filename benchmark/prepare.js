'use strict'

// Installs and builds what the measurements need: node benchmark/prepare.js [--no-build] [--keyring]. Without what a keyring
// needs the rest can be measured all the same, so that it cannot be installed is said, and is no failure.

const { existsSync } = require('node:fs')
const path = require('node:path')
const { KEYRING_PROGRAMS, installPrograms } = require('../scripts/lib/programs.js')
const { build, installPackages } = require('../scripts/lib/setup.js')
const { root, which } = require('../scripts/lib/run.js')

async function main() {
  await installPackages()
  if (!process.argv.includes('--no-build')) await buildOrTakeWhatIsThere()
  if (process.argv.includes('--keyring') && process.platform === 'linux') {
    await installPrograms('The keyring part', KEYRING_PROGRAMS).catch((error) => console.log(`\n${error.message}`))
  }
}

async function buildOrTakeWhatIsThere() {
  const built = path.join(root, `securestore.linux-${process.arch}-gnu.node`)
  if (!which('cargo') && existsSync(built))
    console.log('Rust is missing: what is measured is the binary that is there.')
  else await build()
}

main().catch((error) => {
  console.error(`\n${error.message}`)
  process.exitCode = 1
})
