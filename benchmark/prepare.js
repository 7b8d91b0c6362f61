'use strict'

// Installs and builds what the benchmark needs: node benchmark/prepare.js [--no-build] [--programs]. Lists the programs that
// cannot be installed; the parts that do not need them are still measured.

const { existsSync } = require('node:fs')
const path = require('node:path')
const { BENCH_PROGRAMS, installPrograms } = require('../scripts/lib/programs.js')
const { root, which } = require('../scripts/lib/run.js')
const { build, installPackages } = require('../scripts/lib/setup.js')

async function main() {
  await installPackages()
  if (!process.argv.includes('--no-build')) await buildIfPossible()
  if (process.argv.includes('--programs') && process.platform === 'linux') {
    await installPrograms('The benchmark', BENCH_PROGRAMS).catch((error) => console.log(`\n${error.message}`))
  }
}

async function buildIfPossible() {
  const built = path.join(root, `securestore.linux-${process.arch}-gnu.node`)
  if (!which('cargo') && existsSync(built)) console.log('Rust is missing: the existing binary is measured.')
  else await build()
}

main().catch((error) => {
  console.error(`\n${error.message}`)
  process.exitCode = 1
})
