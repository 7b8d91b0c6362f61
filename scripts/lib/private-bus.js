// @ts-check
'use strict'

// A private message bus with its own home directory, for a Secret Service that never touches the user's keys.

const { execFileSync, spawn } = require('node:child_process')
const { mkdirSync, mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { packageOf } = require('./programs.js')

const SERVICE = 'org.freedesktop.secrets'
const SECRETS = '/org/freedesktop/secrets'
const TIMEOUT_MS = 20_000

// The limits are those of a session bus: the default of 256 connections is too low, because some clients open one per call.
// There are no service directories, because a call to a killed keyring must not start another one, which would be locked.
const CONFIG = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=HOME</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
  <limit name="max_incoming_bytes">1000000000</limit>
  <limit name="max_outgoing_bytes">1000000000</limit>
  <limit name="max_message_size">1000000000</limit>
  <limit name="max_completed_connections">100000</limit>
  <limit name="max_incomplete_connections">10000</limit>
  <limit name="max_connections_per_user">100000</limit>
  <limit name="max_replies_per_connection">50000</limit>
  <limit name="max_match_rules_per_connection">50000</limit>
</busconfig>`

class PrivateBus {
  /**
   * The address of the bus.
   *
   * @readonly
   */
  address
  /**
   * The home directory of the programs on this bus.
   *
   * @readonly
   */
  home
  #bus

  /**
   * Starts a bus. Rejects if dbus is not installed.
   *
   * @param {string} [directory] the home directory is created there; default: the system's temporary directory
   * @returns {Promise<PrivateBus>}
   */
  static async start(directory = tmpdir()) {
    const home = mkdtempSync(path.join(directory, 'securestore-bus-'))
    mkdirSync(path.join(home, 'run'), { mode: 0o700 })
    const config = path.join(home, 'bus.conf')
    writeFileSync(config, CONFIG.replace('HOME', home))
    const bus = spawn('dbus-daemon', [`--config-file=${config}`, '--nofork', '--nopidfile', '--print-address=1'], {
      env: baseEnvironment(home),
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return new PrivateBus(home, bus, await firstLine(bus))
  }

  /**
   * Wraps a bus that is running; use {@link PrivateBus.start}.
   *
   * @param {string} home
   * @param {import('node:child_process').ChildProcess} bus
   * @param {string} address
   */
  constructor(home, bus, address) {
    this.home = home
    this.#bus = bus
    this.address = address
  }

  /** Ends the bus and removes the home directory. */
  stop() {
    this.#bus.kill('SIGKILL')
    rmSync(this.home, { recursive: true, force: true })
  }

  /**
   * Returns an environment for programs that use this bus. It has no display, so every prompt is dismissed at once.
   *
   * @returns {NodeJS.ProcessEnv}
   */
  environment() {
    return { ...baseEnvironment(this.home), DBUS_SESSION_BUS_ADDRESS: this.address }
  }

  /**
   * Waits until a Secret Service with a default collection is on the bus.
   *
   * @param {import('node:child_process').ChildProcess} daemon the service; rejects if it cannot be started
   * @param {string} name the program, for the error
   * @param {number} [timeoutMs]
   */
  async waitForService(daemon, name, timeoutMs = TIMEOUT_MS) {
    // A service owns its name before it publishes the collection.
    await this.#waitFor(() => this.hasService() && this.defaultCollection() !== '/', daemon, name, timeoutMs)
  }

  /**
   * Waits until a Secret Service is on the bus, with a default collection or without.
   *
   * @param {import('node:child_process').ChildProcess} daemon the service; its failure to start rejects
   * @param {string} name the program, for the error
   */
  async waitForOwner(daemon, name) {
    await this.#waitFor(() => this.hasService(), daemon, name, TIMEOUT_MS)
  }

  /**
   * @param {() => boolean} answers
   * @param {import('node:child_process').ChildProcess} daemon
   * @param {string} name
   * @param {number} timeoutMs
   */
  async #waitFor(answers, daemon, name, timeoutMs) {
    const failed = new Promise((_, reject) => daemon.once('error', (error) => reject(startFailure(error))))
    await Promise.race([failed, until(answers, `${name} did not appear on its bus`, timeoutMs)])
  }

  /** Waits until no Secret Service is on the bus. */
  async waitForNoService() {
    await until(() => !this.hasService(), 'The Secret Service is still on its bus')
  }

  /** Returns whether a Secret Service is on the bus. */
  hasService() {
    const answer = this.call('org.freedesktop.DBus', '/', 'org.freedesktop.DBus.NameHasOwner', [`string:${SERVICE}`])
    return answer.includes('boolean true')
  }

  /** Returns the object path of the default collection; `/` if there is none. */
  defaultCollection() {
    const answer = this.call(SERVICE, SECRETS, 'org.freedesktop.Secret.Service.ReadAlias', ['string:default'])
    return /object path "(.*)"/.exec(answer)?.[1] ?? '/'
  }

  /** Waits until the default collection is unlocked. */
  async waitForUnlocked() {
    await until(() => !this.isLocked(), 'The default collection stays locked')
  }

  /** Returns whether the default collection is locked. */
  isLocked() {
    const property = ['string:org.freedesktop.Secret.Collection', 'string:Locked']
    const answer = this.call(SERVICE, this.defaultCollection(), 'org.freedesktop.DBus.Properties.Get', property)
    return answer.includes('boolean true')
  }

  /** Locks the default collection. */
  lock() {
    const collection = `array:objpath:${this.defaultCollection()}`
    this.call(SERVICE, SECRETS, 'org.freedesktop.Secret.Service.Lock', [collection])
  }

  /**
   * Calls a method and returns the reply as text.
   *
   * @param {string} destination
   * @param {string} object
   * @param {string} method
   * @param {string[]} args
   */
  call(destination, object, method, args) {
    const to = [`--bus=${this.address}`, '--print-reply', `--dest=${destination}`, object, method, ...args]
    return execFileSync('dbus-send', to, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }
}

/**
 * @param {string} home
 * @returns {NodeJS.ProcessEnv}
 */
function baseEnvironment(home) {
  return { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: path.join(home, 'run'), XDG_DATA_HOME: home }
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<string>}
 */
function firstLine(child) {
  return new Promise((resolve, reject) => {
    let text = ''
    child.on('error', (error) => reject(startFailure(error)))
    child.stdout?.on('data', (chunk) => {
      text += chunk
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')))
    })
  })
}

/**
 * Returns an error that names the package of a program that could not be started.
 *
 * @param {NodeJS.ErrnoException & { path?: string }} error
 */
function startFailure({ message, path: program = '' }) {
  return new Error(`${message}. On Debian or Ubuntu, run: sudo apt-get install ${packageOf(program)}`)
}

/**
 * Waits until a condition holds.
 *
 * @param {() => boolean} condition
 * @param {string} message of the error if it does not hold in time
 * @param {number} [timeoutMs]
 */
async function until(condition, message, timeoutMs = TIMEOUT_MS) {
  const deadline = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(message)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

module.exports = { PrivateBus, TIMEOUT_MS }
