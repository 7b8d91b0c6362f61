'use strict'

// What a clone needs before it can be built and tested, installed where that is possible without asking.

const { existsSync, readFileSync, statSync } = require('node:fs')
const path = require('node:path')
const { root, run, which } = require('./run.js')

/** Programs the tests use, and the Debian package of each. */
const TEST_PROGRAMS = [
  ['dbus-daemon', 'dbus'],
  ['dbus-send', 'dbus'],
  ['gnome-keyring-daemon', 'gnome-keyring'],
  ['secret-tool', 'libsecret-tools'],
  ['strace', 'strace'],
  ['script', 'bsdutils'],
  ['ps', 'procps'],
  ['git', 'git'],
  ['age', 'age'],
  ['zsh', 'zsh'],
  ['fish', 'fish'],
  ['docker-credential-secretservice', 'golang-docker-credential-helpers'],
]

/** Installs the npm packages, unless what is installed is what the lock file asks for. */
async function installPackages() {
  const installed = path.join(root, 'node_modules', '.package-lock.json')
  const lock = path.join(root, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  await run('npm', ['ci', '--no-audit', '--no-fund'])
}

/** Builds the addon in release mode. Cargo knows when there is nothing to do. */
async function build() {
  if (!which('cargo')) {
    throw new Error('Rust is missing: cargo is not on the path. Install Rust (rustup.rs), then try again.')
  }
  await run('npm', ['run', '--silent', 'build'])
}

/** The ones that a private keyring needs. */
const KEYRING_PROGRAMS = ['dbus-daemon', 'dbus-send', 'gnome-keyring-daemon']

/** Installs what only the tests need; where that takes rights we do not have, says what to type. */
async function installTestPrograms() {
  await installPrograms(
    'The tests run against a real keyring and real programs',
    TEST_PROGRAMS.map(([program]) => program),
  )
}

/** Installs what a private keyring needs; where that takes rights we do not have, says what to type. */
async function installKeyringPrograms() {
  await installPrograms('The keyring is measured on one of its own', KEYRING_PROGRAMS)
}

/**
 * Installs the programs that are missing.
 *
 * @param {string} why they are needed
 * @param {string[]} programs
 */
async function installPrograms(why, programs) {
  const missing = TEST_PROGRAMS.filter(([program]) => programs.includes(program) && !which(program))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map(([, name]) => name))]
  const isRoot = process.getuid?.() === 0
  if (!isRoot || !which('apt-get')) {
    throw new Error(
      `${why}, which takes ${missing.map(([program]) => program).join(', ')}. ` +
        `On Debian or Ubuntu: sudo apt-get install ${packages.join(' ')}`,
    )
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update', '-qq'], { env })
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env })
}

/** The version in package.json. */
function version() {
  return JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version
}

module.exports = { KEYRING_PROGRAMS, build, installKeyringPrograms, installPackages, installTestPrograms, version }
