// @ts-check
'use strict'

// A real KeePassXC as the Secret Service on a private bus, without a display. Its database is created here.

const { execFileSync, spawn } = require('node:child_process')
const { mkdirSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { PrivateBus } = require('./private-bus.js')

const PASSWORD = 'test'

/** A group that KeePassXC exposes must be named by its UUID in the database. */
const GROUP_UUID = '0123456789abcdef0123456789abcdef'

class KeePassXc {
  /** @readonly */
  address
  #bus
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #daemon

  /**
   * Starts KeePassXC with an unlocked database.
   *
   * @param {{ settings?: Record<string, boolean>, locked?: boolean }} [options] `settings` of the section FdoSecrets. By
   * default no dialog is shown to access or delete an item; KeePassXC's own defaults show them. `locked`: the database is
   * not unlocked at the start.
   * @returns {Promise<KeePassXc>}
   */
  static async start({ settings = {}, locked = false } = {}) {
    const bus = await PrivateBus.start()
    const service = new KeePassXc(bus)
    try {
      await service.#start(settings, locked)
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

  /** Locks the database. */
  lock() {
    this.#bus.lock()
  }

  /**
   * Returns the environment in which other programs find this service.
   *
   * @returns {NodeJS.ProcessEnv}
   */
  environment() {
    return this.#bus.environment()
  }

  /**
   * @param {Record<string, boolean>} settings
   * @param {boolean} locked
   */
  async #start(settings, locked) {
    const { home } = this.#bus
    const file = (/** @type {string} */ name) => path.join(home, name)
    const env = { ...this.environment(), QT_QPA_PLATFORM: 'offscreen', XDG_CONFIG_HOME: file('config') }
    writeFileSync(file('database.xml'), databaseXml())
    execFileSync('keepassxc-cli', ['import', '-q', '-p', file('database.xml'), file('database.kdbx')], {
      env,
      input: `${PASSWORD}\n${PASSWORD}\n`,
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    mkdirSync(file('config'), { recursive: true })
    writeFileSync(file('config.ini'), configuration(settings))
    const unlock = locked ? [] : ['--pw-stdin']
    const args = [...unlock, '--config', file('config.ini'), '--localconfig', file('local.ini'), file('database.kdbx')]
    const daemon = spawn('keepassxc', args, { env, stdio: ['pipe', 'ignore', 'ignore'] })
    this.#daemon = daemon
    daemon.stdin.end(`${PASSWORD}\n`)
    await this.#bus.waitForService(daemon, 'keepassxc')
  }
}

/** @param {Record<string, boolean>} settings */
function configuration(settings) {
  const all = {
    Enabled: true,
    ConfirmAccessItem: false,
    ConfirmDeleteItem: false,
    ShowNotification: false,
    ...settings,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}=${value}`)
  return [
    '[General]',
    'ConfigVersion=2',
    'UpdateCheckMessageShown=true',
    'SingleInstance=false',
    '[GUI]',
    'CheckForUpdates=false',
    '[FdoSecrets]',
    ...lines,
    '',
  ].join('\n')
}

/** Returns a database with one group, which is exposed. */
function databaseXml() {
  const uuid = Buffer.from(GROUP_UUID, 'hex').toString('base64')
  const braced = `{${GROUP_UUID.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')}}`
  return `<?xml version="1.0" encoding="UTF-8"?>
<KeePassFile>
  <Meta>
    <Generator>test</Generator>
    <DatabaseName>test</DatabaseName>
    <CustomData><Item><Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>${braced}</Value></Item></CustomData>
  </Meta>
  <Root>
    <Group><UUID>${uuid}</UUID><Name>Root</Name><IsExpanded>True</IsExpanded></Group>
  </Root>
</KeePassFile>
`
}

module.exports = { KeePassXc }
