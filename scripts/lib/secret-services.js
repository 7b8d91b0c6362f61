'use strict'

// The implementations of the Secret Service that the platform contract runs on.

const { KEYRING_PROGRAMS } = require('./programs.js')
const { KeePassXc } = require('./keepassxc.js')
const { KWallet } = require('./kwallet.js')
const { Oo7 } = require('./oo7.js')
const { PassSecretService } = require('./pass-secret-service.js')
const { PrivateKeyring } = require('./private-keyring.js')

const BUS_PROGRAMS = ['dbus-daemon', 'dbus-send']

/**
 * An implementation. `start` starts it on a private bus, with a default collection that opens without a dialog. `environment`
 * returns an environment for programs that use it. `programs` are installed if they are missing. `unpackaged` is a program
 * that Debian does not have, and the way to install it.
 *
 * @typedef {{ environment: () => NodeJS.ProcessEnv, stop: () => void }} RunningService
 * @typedef {{ program: string, install: string }} UnpackagedProgram
 * @typedef {{ name: string, programs: readonly string[], unpackaged?: UnpackagedProgram, start: () => Promise<RunningService> }} SecretService
 */

/** @type {SecretService[]} */
const SECRET_SERVICES = [
  { name: 'gnome-keyring', programs: KEYRING_PROGRAMS, start: () => PrivateKeyring.start() },
  { name: 'KeePassXC', programs: [...BUS_PROGRAMS, 'keepassxc'], start: () => KeePassXc.start() },
  { name: 'KWallet', programs: [...BUS_PROGRAMS, 'kwalletd5'], start: () => KWallet.start() },
  {
    name: 'oo7-daemon',
    programs: BUS_PROGRAMS,
    unpackaged: { program: 'oo7-daemon', install: 'cargo install oo7-daemon' },
    start: () => Oo7.start(),
  },
  {
    name: 'pass-secret-service',
    programs: [...BUS_PROGRAMS, 'gpg', 'pass'],
    unpackaged: {
      program: 'pass_secret_service',
      install: 'pipx install git+https://github.com/mdellweg/pass_secret_service',
    },
    start: () => PassSecretService.start(),
  },
]

module.exports = { SECRET_SERVICES }
