// @ts-check
'use strict'

// A real gnome-keyring on a private message bus, for tests and benchmarks. It never touches the user's keys.

const { execFileSync, spawn } = require('node:child_process')
const { mkdirSync, mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')

const SERVICE = 'org.freedesktop.secrets'
const SECRETS = '/org/freedesktop/secrets'
const TIMEOUT_MS = 20_000
/** The daemon publishes each stored item when it starts, which takes longer the more there are. */
const TIMEOUT_PER_ITEM_MS = 10

// The limits of a session bus: the default of 256 connections is too low, because some clients open one per call.
// There are no service directories: a call to a keyring that was killed must not start another one, which would be locked.
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

/** @typedef {{ attributes: Record<string, string>, secret: string }} StoredItem */

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
   * Starts bus and daemon, and unlocks the login collection. Rejects where the programs are missing.
   *
   * @param {{ directory?: string, items?: readonly StoredItem[] }} [options] `directory`: the daemon keeps its files in a
   * new folder there; default: the system's temporary directory. `items` are in the login collection from the start, which
   * is then not encrypted.
   * @returns {Promise<PrivateKeyring>}
   */
  static async start({ directory = tmpdir(), items = [] } = {}) {
    const home = mkdtempSync(path.join(directory, 'securestore-bus-'))
    mkdirSync(path.join(home, 'run'), { mode: 0o700 })
    const config = path.join(home, 'bus.conf')
    writeFileSync(config, CONFIG.replace('HOME', home))
    const bus = spawn('dbus-daemon', [`--config-file=${config}`, '--nofork', '--nopidfile', '--print-address=1'], {
      env: baseEnvironment(home),
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const keyring = new PrivateKeyring(home, bus, await firstLine(bus))
    try {
      if (items.length > 0) writeCollection(path.join(home, 'keyrings'), items)
      await keyring.startDaemon(TIMEOUT_MS + items.length * TIMEOUT_PER_ITEM_MS)
    } catch (error) {
      keyring.stop()
      throw error
    }
    return keyring
  }

  /**
   * Wraps a bus that is running; use {@link PrivateKeyring.start}.
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
   * Starts the daemon, also again after it was killed, and waits until it answers on the bus.
   *
   * @param {number} [timeoutMs]
   * @returns {Promise<void>}
   */
  async startDaemon(timeoutMs = TIMEOUT_MS) {
    const daemon = spawn('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], {
      env: this.environment(),
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#daemon = daemon
    daemon.stdin.end('test\n')
    // The daemon owns its name before it publishes the collection.
    const answers = () => this.#owns() && this.#collection() !== '/'
    const failed = new Promise((_, reject) => daemon.once('error', (error) => reject(missing(error))))
    await Promise.race([failed, until(answers, 'gnome-keyring-daemon did not appear on its bus', timeoutMs)])
  }

  /**
   * Kills the daemon with SIGKILL, and waits until the bus has noticed.
   *
   * @returns {Promise<void>}
   */
  async killDaemon() {
    this.#daemon?.kill('SIGKILL')
    await until(() => !this.#owns(), 'gnome-keyring-daemon is still on its bus')
  }

  /** Suspends the daemon: it no longer answers. */
  pause() {
    this.#daemon?.kill('SIGSTOP')
  }

  /** Locks the default collection. */
  lock() {
    this.#send(SERVICE, SECRETS, 'org.freedesktop.Secret.Service.Lock', [`array:objpath:${this.#collection()}`])
  }

  stop() {
    this.#daemon?.kill('SIGKILL')
    this.#bus.kill('SIGKILL')
    rmSync(this.#home, { recursive: true, force: true })
  }

  /**
   * Returns the environment in which other programs find this keyring.
   *
   * @returns {NodeJS.ProcessEnv}
   */
  environment() {
    return { ...baseEnvironment(this.#home), DBUS_SESSION_BUS_ADDRESS: this.address }
  }

  /** Returns the object path of the default collection; `/` while there is none. */
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
function baseEnvironment(home) {
  // Without a display every prompt is dismissed at once.
  return { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: path.join(home, 'run'), XDG_DATA_HOME: home }
}

/**
 * Writes the login collection in the plain text format that gnome-keyring reads.
 *
 * @param {string} folder
 * @param {readonly StoredItem[]} items
 */
function writeCollection(folder, items) {
  const sections = items.map(({ attributes, secret }, i) => {
    const item = `[${i + 1}]\nitem-type=0\ndisplay-name=item\nsecret=${secret}\nmtime=1\nctime=1\n`
    const own = Object.entries(attributes).map(([name, value], j) => {
      return `[${i + 1}:attribute${j}]\nname=${name}\ntype=string\nvalue=${value}\n`
    })
    return [item, ...own].join('\n')
  })
  const head = '[keyring]\ndisplay-name=Login\nctime=0\nmtime=0\nlock-on-idle=false\nlock-after=false\n'
  mkdirSync(folder, { mode: 0o700 })
  writeFileSync(path.join(folder, 'login.keyring'), [head, ...sections].join('\n'), { mode: 0o600 })
  writeFileSync(path.join(folder, 'default'), 'login')
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<string>}
 */
function firstLine(child) {
  return new Promise((resolve, reject) => {
    let text = ''
    child.on('error', (error) => reject(missing(error)))
    child.stdout?.on('data', (chunk) => {
      text += chunk
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')))
    })
  })
}

/** @param {Error} error of a program that could not be started */
function missing(error) {
  return new Error(`${error.message}: install dbus and gnome-keyring (Debian: apt-get install dbus gnome-keyring)`)
}

/**
 * Waits until a condition holds.
 *
 * @param {() => boolean} condition
 * @param {string} message of the error when it does not hold in time
 * @param {number} [timeoutMs]
 */
async function until(condition, message, timeoutMs = TIMEOUT_MS) {
  const deadline = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(message)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

module.exports = { PrivateKeyring }
