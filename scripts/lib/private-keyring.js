// @ts-check
'use strict'

// A real gnome-keyring on a message bus of its own, for tests and measurements that must not touch anybody's keys.

const { execFileSync, spawn } = require('node:child_process')
const { mkdirSync, mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')

const SERVICE = 'org.freedesktop.secrets'
const SECRETS = '/org/freedesktop/secrets'
const DEADLINE_MS = 20_000

// The limits of a session bus: without them a bus takes 256 connections, and some clients open one for every call.
// No service directories: a call to a keyring that was killed must not start another one, which would come up locked.
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

class PrivateKeyring {
  /**
   * Where the bus listens.
   *
   * @readonly
   */
  address
  #home
  #bus
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #daemon

  /**
   * Starts bus and daemon; the login collection is unlocked. Fails loudly where the programs are missing.
   *
   * @param {{ directory?: string }} [options] where the daemon keeps its files, in a folder of their own; default: the
   * system's temporary directory
   * @returns {Promise<PrivateKeyring>}
   */
  static async start({ directory = tmpdir() } = {}) {
    const home = mkdtempSync(path.join(directory, 'securestore-bus-'))
    mkdirSync(path.join(home, 'run'), { mode: 0o700 })
    const config = path.join(home, 'bus.conf')
    writeFileSync(config, CONFIG.replace('HOME', home))
    const bus = spawn('dbus-daemon', [`--config-file=${config}`, '--nofork', '--nopidfile', '--print-address=1'], {
      env: surroundings(home),
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const keyring = new PrivateKeyring(home, bus, await firstLine(bus))
    await keyring.startDaemon()
    return keyring
  }

  /**
   * Of a bus that runs; {@link PrivateKeyring.start} makes one.
   *
   * @param {string} home
   * @param {import('node:child_process').ChildProcess} bus
   * @param {string} address
   */
  constructor(home, bus, address) {
    this.#home = home
    this.#bus = bus
    this.address = address
  }

  /**
   * Starts the daemon, again after it was killed, and waits until it answers on the bus.
   *
   * @returns {Promise<void>}
   */
  async startDaemon() {
    const daemon = spawn('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], {
      env: this.environment(),
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#daemon = daemon
    daemon.stdin.end('test\n')
    // The name comes before the collection.
    await until(() => this.#owns() && this.#collection() !== '/', 'gnome-keyring-daemon did not appear on its bus')
  }

  /**
   * Kills the daemon without warning, and waits until the bus has noticed.
   *
   * @returns {Promise<void>}
   */
  async killDaemon() {
    this.#daemon?.kill('SIGKILL')
    await until(() => !this.#owns(), 'gnome-keyring-daemon is still on its bus')
  }

  /** From now on the daemon answers nothing. */
  pause() {
    this.#daemon?.kill('SIGSTOP')
  }

  /** Locks the collection that new secrets go to. */
  lock() {
    this.#send(SERVICE, SECRETS, 'org.freedesktop.Secret.Service.Lock', [`array:objpath:${this.#collection()}`])
  }

  stop() {
    this.#daemon?.kill('SIGKILL')
    this.#bus.kill('SIGKILL')
    rmSync(this.#home, { recursive: true, force: true })
  }

  /**
   * The environment in which other programs find this keyring.
   *
   * @returns {NodeJS.ProcessEnv}
   */
  environment() {
    return { ...surroundings(this.#home), DBUS_SESSION_BUS_ADDRESS: this.address }
  }

  /** The object path of the default collection; `/` while there is none. */
  #collection() {
    const answer = this.#send(SERVICE, SECRETS, 'org.freedesktop.Secret.Service.ReadAlias', ['string:default'])
    return /object path "(.*)"/.exec(answer)?.[1] ?? '/'
  }

  #owns() {
    const answer = this.#send('org.freedesktop.DBus', '/', 'org.freedesktop.DBus.NameHasOwner', [`string:${SERVICE}`])
    return answer.includes('boolean true')
  }

  /**
   * @param {string} destination
   * @param {string} object
   * @param {string} method
   * @param {string[]} args
   */
  #send(destination, object, method, args) {
    const to = [`--bus=${this.address}`, '--print-reply', `--dest=${destination}`, object, method, ...args]
    return execFileSync('dbus-send', to, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }
}

/**
 * @param {string} home
 * @returns {NodeJS.ProcessEnv}
 */
function surroundings(home) {
  // No display: a prompt is dismissed at once.
  return { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: path.join(home, 'run'), XDG_DATA_HOME: home }
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<string>}
 */
function firstLine(child) {
  return new Promise((resolve, reject) => {
    let text = ''
    child.on('error', (error) => {
      reject(new Error(`${error.message}: install dbus and gnome-keyring (Debian: apt-get install dbus gnome-keyring)`))
    })
    child.stdout?.on('data', (chunk) => {
      text += chunk
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')))
    })
  })
}

/**
 * @param {() => boolean} holds
 * @param {string} otherwise what to say when it did not hold in time
 */
async function until(holds, otherwise) {
  const deadline = Date.now() + DEADLINE_MS
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(otherwise)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

module.exports = { PrivateKeyring }
