// @ts-check
'use strict'

// A real KeePassXC as the Secret Service on a private bus, without a display. Its database is created here.

const { execFileSync, spawn } = require('node:child_process')
const { mkdirSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { PrivateBus } = require('./private-bus.js')
const { PrivateService, startService } = require('./private-service.js')

const PASSWORD = 'test'

/** The UUID of the group that KeePassXC exposes. The database names the group by it. */
const GROUP_UUID = '0123456789abcdef0123456789abcdef'

/** @typedef {{ service: string, account: string, secret: string }} Item */

class KeePassXc extends PrivateService {
  /**
   * Starts KeePassXC.
   *
   * @param {{ settings?: Record<string, boolean>, locked?: boolean, items?: readonly Item[] }} [options] `settings` of the
   * section FdoSecrets. By default no dialog is shown to access or delete an item; KeePassXC's own defaults show them.
   * `locked`: the database is not unlocked at the start. `items` are in the database from the start.
   * @returns {Promise<KeePassXc>}
   */
  static async start({ settings = {}, locked = false, items = [] } = {}) {
    return startService(new KeePassXc(await PrivateBus.start()), (service) => service.#start(settings, locked, items))
  }

  /**
   * @param {Record<string, boolean>} settings
   * @param {boolean} locked
   * @param {readonly Item[]} items
   */
  async #start(settings, locked, items) {
    const { home } = this.bus
    const file = (/** @type {string} */ name) => path.join(home, name)
    const env = { ...this.environment(), QT_QPA_PLATFORM: 'offscreen', XDG_CONFIG_HOME: file('config') }
    writeFileSync(file('database.xml'), databaseXml(items))
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
    this.daemon = daemon
    daemon.stdin.end(`${PASSWORD}\n`)
    await this.bus.waitForService(daemon, 'keepassxc')
    if (!locked) await this.bus.waitForUnlocked()
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
    // KeePassXC 2.7.4 crashes if an entry is deleted while it saves the database, which it does in another thread.
    'AutoSaveAfterEveryChange=false',
    '[GUI]',
    'CheckForUpdates=false',
    '[FdoSecrets]',
    ...lines,
    '',
  ].join('\n')
}

/**
 * Returns a database with one group, which is exposed.
 *
 * @param {readonly Item[]} items
 */
function databaseXml(items) {
  const field = (/** @type {string} */ name, /** @type {string} */ value) =>
    `<String><Key>${name}</Key><Value>${value}</Value></String>`
  const entries = items.map(({ service, account, secret }, i) => {
    const uuid = Buffer.alloc(16, i + 1).toString('base64')
    const fields = [
      field('Title', account),
      field('Password', secret),
      field('service', service),
      field('username', account),
    ]
    return `<Entry><UUID>${uuid}</UUID>${fields.join('')}</Entry>`
  })
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
    <Group><UUID>${uuid}</UUID><Name>Root</Name><IsExpanded>True</IsExpanded>${entries.join('')}</Group>
  </Root>
</KeePassFile>
`
}

module.exports = { KeePassXc }
