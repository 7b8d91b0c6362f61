'use strict'

// The facts about the system that advice depends on, such as the distribution and whether this is a container or ssh session.

const { accessSync, constants, readFileSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')

/**
 * @typedef {object} System
 * @property {string} platform as `process.platform`
 * @property {string[]} distributions the Linux distribution and those it is derived from, from `/etc/os-release`
 * @property {boolean} isContainer
 * @property {boolean} isWsl
 * @property {boolean} isSsh
 * @property {boolean} isKde
 * @property {boolean} hasSessionBus
 * @property {boolean} hasKeyringDaemon whether a keyring service is installed
 */

/**
 * Examines this system.
 *
 * @returns {System}
 */
function currentSystem(env = process.env) {
  return {
    platform: process.platform,
    distributions: distributionsOf(read('/etc/os-release')),
    isContainer: isContainer(env),
    isWsl: process.platform === 'linux' && /microsoft/i.test(os.release()),
    isSsh: Boolean(env.SSH_CONNECTION || env.SSH_TTY),
    isKde: /\bKDE\b/i.test(env.XDG_CURRENT_DESKTOP ?? ''),
    hasSessionBus:
      Boolean(env.DBUS_SESSION_BUS_ADDRESS) || exists(path.join(env.XDG_RUNTIME_DIR || '/nonexistent', 'bus')),
    hasKeyringDaemon: ['gnome-keyring-daemon', 'kwalletd6', 'kwalletd5', 'keepassxc'].some((file) => onPath(file, env)),
  }
}

/** Returns the words of `ID` and `ID_LIKE` in an os-release file. */
function distributionsOf(text) {
  const value = (name) => new RegExp(`^${name}=["']?([^"'\\n]*)`, 'm').exec(text)?.[1] ?? ''
  return `${value('ID')} ${value('ID_LIKE')}`.toLowerCase().split(/\s+/).filter(Boolean)
}

function isContainer(env) {
  if (env.container || env.KUBERNETES_SERVICE_HOST) return true
  return (
    exists('/.dockerenv') ||
    exists('/run/.containerenv') ||
    /docker|kubepods|containerd|lxc/.test(read('/proc/1/cgroup'))
  )
}

function onPath(program, env) {
  return (env.PATH ?? '')
    .split(path.delimiter)
    .some((folder) => folder !== '' && exists(path.join(folder, program), constants.X_OK))
}

function exists(file, mode = constants.F_OK) {
  try {
    accessSync(file, mode)
    return true
  } catch {
    return false
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

module.exports = { currentSystem, distributionsOf }
