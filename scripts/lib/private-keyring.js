// @ts-check
'use strict'

// A real gnome-keyring on a private message bus, for tests and benchmarks. It never touches the user's keys.

const { spawn } = require('node:child_process')
const { mkdirSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { PrivateBus, TIMEOUT_MS } = require('./private-bus.js')
const { PrivateService, startService } = require('./private-service.js')

/** The additional time limit for each stored item, because the daemon publishes all of them when it starts. */
const TIMEOUT_PER_ITEM_MS = 10

/** @typedef {{ attributes: Record<string, string>, secret: string }} StoredItem */

class PrivateKeyring extends PrivateService {
  /**
   * Starts bus and daemon, and unlocks the login collection. Rejects if the programs are missing.
   *
   * @param {{ directory?: string, items?: readonly StoredItem[] }} [options] `directory`: the daemon keeps its files in a
   * new folder there; default: the system's temporary directory. `items` are in the login collection from the start, which
   * is then not encrypted.
   * @returns {Promise<PrivateKeyring>}
   */
  static async start({ directory, items = [] } = {}) {
    const bus = await PrivateBus.start(directory)
    return startService(new PrivateKeyring(bus), async (keyring) => {
      if (items.length > 0) writeCollection(path.join(bus.home, 'keyrings'), items)
      await keyring.startDaemon(TIMEOUT_MS + items.length * TIMEOUT_PER_ITEM_MS)
    })
  }

  /**
   * Starts the daemon, or restarts it after it was killed, and waits until it answers on the bus.
   *
   * @param {number} [timeoutMs]
   * @returns {Promise<void>}
   */
  async startDaemon(timeoutMs = TIMEOUT_MS) {
    const daemon = spawn('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], {
      env: this.environment(),
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.daemon = daemon
    daemon.stdin.end('test\n')
    await this.bus.waitForService(daemon, 'gnome-keyring-daemon', timeoutMs)
  }

  /**
   * Kills the daemon with SIGKILL, and waits until it is no longer on the bus.
   *
   * @returns {Promise<void>}
   */
  async killDaemon() {
    this.daemon?.kill('SIGKILL')
    await this.bus.waitForNoService()
  }

  /** Suspends the daemon, so that it no longer answers. */
  pause() {
    this.daemon?.kill('SIGSTOP')
  }

  /** Locks the default collection. */
  lock() {
    this.bus.lock()
  }
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

module.exports = { PrivateKeyring }
