// @ts-check
'use strict'

// Describes the machine of a run, without host name, user name or paths.

const { execFileSync } = require('node:child_process')
const os = require('node:os')
const { version } = require('../scripts/lib/setup.js')

/** Returns the hardware, the system and the versions of the contestants. */
function machine() {
  const cpus = os.cpus()
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGb: Math.round(os.totalmem() / 1e9),
    platform: `${process.platform}-${process.arch}`,
    kernel: os.release(),
    node: process.versions.node,
    openssl: process.versions.openssl,
    addon: version(),
    '@napi-rs/keyring': require('@napi-rs/keyring/package.json').version,
    keyringDaemon: versionOf('gnome-keyring-daemon'),
    dbus: versionOf('dbus-daemon'),
  }
}

/** Returns the load average of the last minute. */
function load() {
  return Number(os.loadavg()[0]?.toFixed(2))
}

/** @param {string} program @returns {string | null} `null` if it is missing */
function versionOf(program) {
  try {
    const text = execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return /\d+(?:\.\d+)+/.exec(text)?.[0] ?? null
  } catch {
    return null
  }
}

module.exports = { load, machine }
