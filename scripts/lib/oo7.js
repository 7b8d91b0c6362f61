// @ts-check
'use strict'

// A real oo7-daemon on a private bus.

const { spawn } = require('node:child_process')
const { PrivateBus } = require('./private-bus.js')
const { PrivateService, startService } = require('./private-service.js')

const PASSWORD = 'test'

class Oo7 extends PrivateService {
  /**
   * Starts the daemon, which creates and unlocks its login collection.
   *
   * @returns {Promise<Oo7>}
   */
  static async start() {
    return startService(new Oo7(await PrivateBus.start()), (service) => service.#start())
  }

  async #start() {
    const daemon = spawn('oo7-daemon', ['--login'], { env: this.environment(), stdio: ['pipe', 'ignore', 'ignore'] })
    this.daemon = daemon
    daemon.stdin.end(PASSWORD)
    await this.bus.waitForService(daemon, 'oo7-daemon')
  }
}

module.exports = { Oo7 }
