// @ts-check
'use strict'

// A real oo7-daemon on a private bus.

const { spawn } = require('node:child_process')
const { PrivateBus } = require('./private-bus.js')

const PASSWORD = 'test'

class Oo7 {
  /** @readonly */
  address
  #bus
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #daemon

  /**
   * Starts the daemon, which creates and unlocks its login collection.
   *
   * @returns {Promise<Oo7>}
   */
  static async start() {
    const service = new Oo7(await PrivateBus.start())
    try {
      await service.#start()
    } catch (error) {
      service.stop()
      throw error
    }
    return service
  }

  /** @param {InstanceType<typeof PrivateBus>} bus */
  constructor(bus) {
    this.#bus = bus
    this.address = bus.address
  }

  stop() {
    this.#daemon?.kill('SIGKILL')
    this.#bus.stop()
  }

  /**
   * Returns the environment in which other programs find this service.
   *
   * @returns {NodeJS.ProcessEnv}
   */
  environment() {
    return this.#bus.environment()
  }

  async #start() {
    const daemon = spawn('oo7-daemon', ['--login'], { env: this.environment(), stdio: ['pipe', 'ignore', 'ignore'] })
    this.#daemon = daemon
    daemon.stdin.end(PASSWORD)
    await this.#bus.waitForService(daemon, 'oo7-daemon')
  }
}

module.exports = { Oo7 }
