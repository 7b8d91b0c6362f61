'use strict'

// The implementations of the Secret Service that the platform contract runs on.

const { KEYRING_PROGRAMS } = require('./programs.js')
const { KeePassXc } = require('./keepassxc.js')
const { PrivateKeyring } = require('./private-keyring.js')

/**
 * An implementation. `start` starts it on a private bus, with an unlocked default collection. `environment` returns an
 * environment for programs that use it.
 *
 * @typedef {{ environment: () => NodeJS.ProcessEnv, stop: () => void }} RunningService
 * @typedef {{ name: string, programs: readonly string[], start: () => Promise<RunningService> }} SecretService
 */

/** @type {SecretService[]} */
const SECRET_SERVICES = [
  { name: 'gnome-keyring', programs: KEYRING_PROGRAMS, start: () => PrivateKeyring.start() },
  { name: 'KeePassXC', programs: ['dbus-daemon', 'dbus-send', 'keepassxc'], start: () => KeePassXc.start() },
]

module.exports = { SECRET_SERVICES }
