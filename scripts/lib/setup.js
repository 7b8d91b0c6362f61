'use strict'

// Prepares a clone for building and testing.

const { existsSync, readFileSync, statSync } = require('node:fs')
const path = require('node:path')
const { root, run, which } = require('./run.js')

/** Installs the npm packages, unless the installed ones are up to date with the lock file. */
async function installPackages() {
  const installed = path.join(root, 'node_modules', '.package-lock.json')
  const lock = path.join(root, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  await run('npm', ['ci', '--no-audit', '--no-fund'])
}

/** Builds the addon in release mode. Fast if nothing has changed. */
async function build() {
  if (!which('cargo')) {
    throw new Error('Rust is missing: cargo is not on the path. Install Rust (rustup.rs), then try again.')
  }
  await run('npm', ['run', '--silent', 'build'])
}

/** Returns the version in package.json. */
function version() {
  return JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version
}

module.exports = { build, installPackages, version }
