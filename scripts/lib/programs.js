'use strict'

// The programs of other packages that the tests and the benchmark run, and their installation.

const { run, which } = require('./run.js')

/** The Debian package of each program. */
const PACKAGES = {
  age: 'age',
  'dbus-daemon': 'dbus',
  'dbus-monitor': 'dbus',
  'dbus-send': 'dbus',
  'docker-credential-pass': 'golang-docker-credential-helpers',
  'docker-credential-secretservice': 'golang-docker-credential-helpers',
  fish: 'fish',
  git: 'git',
  'gnome-keyring-daemon': 'gnome-keyring',
  gopass: 'gopass',
  gpg: 'gnupg',
  keepassxc: 'keepassxc',
  kwalletd5: 'libkf5wallet-bin',
  pass: 'pass',
  ps: 'procps',
  script: 'bsdutils',
  'secret-tool': 'libsecret-tools',
  strace: 'strace',
  zsh: 'zsh',
}

/** The programs that a private gnome-keyring needs. */
const KEYRING_PROGRAMS = ['dbus-daemon', 'dbus-send', 'gnome-keyring-daemon']

/** The programs that the benchmark needs. */
const BENCH_PROGRAMS = [...KEYRING_PROGRAMS, 'dbus-monitor', 'strace']

/** The programs that `npm test` needs. */
const TEST_PROGRAMS = [
  ...KEYRING_PROGRAMS,
  'age',
  'dbus-monitor',
  'docker-credential-pass',
  'docker-credential-secretservice',
  'fish',
  'git',
  'gopass',
  'gpg',
  'keepassxc',
  'pass',
  'ps',
  'script',
  'secret-tool',
  'strace',
  'zsh',
]

/**
 * Installs the missing programs. Without the rights to do so, rejects with an error that names the packages.
 *
 * @param {string} purpose what needs the programs; the beginning of the error message
 * @param {readonly string[]} programs
 */
async function installPrograms(purpose, programs) {
  const packages = missingPackages(programs)
  if (packages.length === 0) return
  if (process.getuid?.() !== 0 || !which('apt-get')) {
    const missing = programs.filter((program) => !which(program))
    throw new Error(
      `${purpose} needs ${missing.join(', ')}. On Debian or Ubuntu, run: sudo apt-get install ${packages.join(' ')}`,
    )
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update', '-qq'], { env })
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env })
}

/**
 * Returns the Debian packages of the programs that are not on the path.
 *
 * @param {readonly string[]} programs
 * @returns {string[]} sorted, each once
 */
function missingPackages(programs) {
  const missing = programs.filter((program) => !which(program))
  return [...new Set(missing.map(packageOf))].sort()
}

/**
 * Returns the Debian package of a program.
 *
 * @param {string} program
 * @returns {string}
 */
function packageOf(program) {
  return PACKAGES[program] ?? program
}

module.exports = { BENCH_PROGRAMS, KEYRING_PROGRAMS, TEST_PROGRAMS, installPrograms, missingPackages, packageOf }
