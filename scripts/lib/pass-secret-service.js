// @ts-check
'use strict'

// pass_secret_service on a private bus. Its password store and its key, which has no passphrase, are created here.

const { execFileSync, spawn } = require('node:child_process')
const { mkdirSync } = require('node:fs')
const path = require('node:path')
const { PrivateBus } = require('./private-bus.js')
const { PrivateService, startService } = require('./private-service.js')

class PassSecretService extends PrivateService {
  /** @type {NodeJS.ProcessEnv} */
  #env

  /**
   * Starts the service.
   *
   * @returns {Promise<PassSecretService>}
   */
  static async start() {
    return startService(new PassSecretService(await PrivateBus.start()), (service) => service.#start())
  }

  /** @param {InstanceType<typeof PrivateBus>} bus */
  constructor(bus) {
    super(bus)
    this.#env = {
      ...bus.environment(),
      GNUPGHOME: path.join(bus.home, 'gnupg'),
      PASSWORD_STORE_DIR: path.join(bus.home, 'store'),
    }
  }

  stop() {
    this.daemon?.kill('SIGKILL')
    try {
      execFileSync('gpgconf', ['--kill', 'all'], { env: this.#env, stdio: 'ignore' })
    } finally {
      super.stop()
    }
  }

  async #start() {
    const run = (/** @type {string} */ program, /** @type {string[]} */ ...args) =>
      execFileSync(program, args, { env: this.#env, stdio: 'ignore' })
    const store = path.join(this.bus.home, 'store')
    mkdirSync(path.join(this.bus.home, 'gnupg'), { mode: 0o700 })
    run('gpg', '--batch', '--passphrase', '', '--quick-generate-key', 'test', 'default', 'default', 'never')
    run('pass', 'init', 'test')
    const daemon = spawn('pass_secret_service', ['--path', store], { env: this.#env, stdio: 'ignore' })
    this.daemon = daemon
    await this.bus.waitForService(daemon, 'pass_secret_service')
  }
}

module.exports = { PassSecretService }
