// @ts-check
'use strict'

// Counts the method calls that the Secret Service receives, with dbus-monitor.

const { spawn } = require('node:child_process')
const { DBusClient } = require('./dbus-client.js')

const SERVICE = 'org.freedesktop.secrets'
const BUS = /** @type {const} */ (['org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus'])
const TIMEOUT_MS = 20_000

class BusMonitor {
  #monitor
  #client
  #owner
  #text = ''
  #marks = 0
  /** @type {(() => void) | undefined} */
  #changed

  /**
   * Starts dbus-monitor on a bus.
   *
   * @param {string} address
   */
  static async start(address) {
    const client = await DBusClient.connect(address)
    const [owner] = await client.call(...BUS, 'GetNameOwner', 's', [SERVICE])
    const child = spawn('dbus-monitor', ['--address', address, '--profile'], { stdio: ['ignore', 'pipe', 'ignore'] })
    const monitor = new BusMonitor(child, client, String(owner))
    // The first marks may be sent before it listens.
    for (let tries = 0; !(await monitor.#mark(100)); tries += 1) {
      if (tries * 100 > TIMEOUT_MS) throw new Error('dbus-monitor does not see the bus')
    }
    return monitor
  }

  /**
   * @param {import('node:child_process').ChildProcessByStdio<null, import('node:stream').Readable, null>} monitor
   * @param {InstanceType<typeof DBusClient>} client a separate connection for marks
   * @param {string} owner the unique name of the Secret Service
   */
  constructor(monitor, client, owner) {
    this.#monitor = monitor
    this.#client = client
    this.#owner = owner
    monitor.stdout.on('data', (chunk) => {
      this.#text += chunk
      this.#changed?.()
    })
  }

  /**
   * Runs work and resolves to the number of calls of each method of the Secret Service during it.
   *
   * @param {() => unknown} work
   * @returns {Promise<Map<string, number>>}
   */
  async count(work) {
    if (!(await this.#mark(TIMEOUT_MS))) throw new Error('dbus-monitor stopped')
    this.#text = ''
    await work()
    if (!(await this.#mark(TIMEOUT_MS))) throw new Error('dbus-monitor stopped')
    const calls = new Map()
    for (const line of this.#text.split('\n')) {
      const [kind, , , , destination = '', , , member = ''] = line.split('\t')
      if (kind !== 'mc' || ![SERVICE, this.#owner].includes(destination)) continue
      calls.set(member, (calls.get(member) ?? 0) + 1)
    }
    return calls
  }

  stop() {
    this.#client.close()
    this.#monitor.kill('SIGKILL')
  }

  /**
   * Sends a message and waits until the monitor shows it. The monitor has then shown all earlier messages.
   *
   * @param {number} timeoutMs
   * @returns {Promise<boolean>} whether it was shown in time
   */
  async #mark(timeoutMs) {
    this.#marks += 1
    const mark = `securestore_benchmark_mark_${this.#marks}`
    await this.#client.call('org.freedesktop.DBus', `/${mark}`, 'org.freedesktop.DBus.Peer', 'Ping').catch(() => {})
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish(false), timeoutMs)
      const finish = (/** @type {boolean} */ isShown) => {
        clearTimeout(timer)
        this.#changed = undefined
        resolve(isShown)
      }
      this.#changed = () => {
        if (this.#text.includes(`${mark}\t`)) finish(true)
      }
      this.#changed()
    })
  }
}

module.exports = { BusMonitor }
