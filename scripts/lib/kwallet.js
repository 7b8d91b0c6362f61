// @ts-check
'use strict'

// A real KWallet as the Secret Service on a private bus, without a display. Its wallet is created here.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { mkdirSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { PrivateBus } = require('./private-bus.js')
const { PrivateService, startService } = require('./private-service.js')

const WALLET = 'kdewallet'

/** A wallet is opened with the hash of its password, as KWallet's PAM module does at login. Any hash creates a wallet. */
const PASSWORD_HASH = Buffer.alloc(56, 1)

const CONFIGURATION = `[Wallet]
Enabled=true
First Use=false
Prompt on Open=false
Default Wallet=${WALLET}
Close When Idle=false
Leave Open=true
[Auto Allow]
${WALLET}=*
[org.freedesktop.secrets]
apiEnabled=true
[org.freedesktop.secrets.aliases]
default=${WALLET}
`

class KWallet extends PrivateService {
  /**
   * Starts KWallet with an open wallet. Its collection is reported as locked until the first request to unlock it, which
   * shows no dialog.
   *
   * @returns {Promise<KWallet>}
   */
  static async start() {
    return startService(new KWallet(await PrivateBus.start()), (service) => service.#start())
  }

  async #start() {
    const config = path.join(this.bus.home, 'config')
    mkdirSync(config)
    writeFileSync(path.join(config, 'kwalletrc'), CONFIGURATION)
    const env = { ...this.environment(), QT_QPA_PLATFORM: 'offscreen', XDG_CONFIG_HOME: config }
    // KWallet publishes only the wallets that exist when it starts, so the first process creates the wallet.
    const creator = this.#spawn(env)
    await this.bus.waitForOwner(creator, 'kwalletd5')
    this.#open()
    creator.kill('SIGTERM')
    await once(creator, 'exit')
    const daemon = this.#spawn(env)
    await this.bus.waitForService(daemon, 'kwalletd5')
    this.#open()
  }

  /** @param {NodeJS.ProcessEnv} env */
  #spawn(env) {
    this.daemon = spawn('kwalletd5', [], { env, stdio: 'ignore' })
    return this.daemon
  }

  #open() {
    const args = [`string:${WALLET}`, `array:byte:${[...PASSWORD_HASH].join(',')}`, 'int32:0']
    this.bus.call('org.kde.kwalletd5', '/modules/kwalletd5', 'org.kde.KWallet.pamOpen', args)
  }
}

module.exports = { KWallet }
