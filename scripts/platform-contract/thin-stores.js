'use strict'

// Checks tool keys, credentials of MCP servers, and extension settings.

const assert = require('node:assert/strict')
const { existsSync, mkdirSync, readFileSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { check } = require('./check.js')

async function thinStores(place) {
  await toolKeys(place)
  await tokens(place)
  await extensionSettings(place)
}

async function toolKeys({ addon, directory, home, label, loader }) {
  const tools = new addon.ToolKeyStorage({ toolsDir: path.join(directory, `${label} of tools`), keyringLoader: loader })
  await check(`${label}: a tool key is saved, read and deleted`, async () => {
    await tools.saveKey('exa', 'exa-key')
    assert.equal(await tools.getKey('exa'), 'exa-key')
    assert.equal(await tools.hasKey('exa'), true)
    assert.equal(await tools.resolveKey('exa'), 'exa-key')
    assert.equal(await tools.deleteKey('exa'), true)
    assert.equal(await tools.hasKey('exa'), false)
  })
  await check(`${label}: a tool key is read from a key file`, async () => {
    const file = path.join(home, 'exa key')
    writeFileSync(file, 'from the file\r\nnot this line\r\n')
    await tools.setKeyfilePath('exa', file)
    assert.equal(await tools.getKeyfilePath('exa'), file)
    assert.equal(await tools.resolveKey('exa'), 'from the file')
    await tools.clearKeyfilePath('exa')
    assert.equal(await tools.resolveKey('exa'), null)
  })
  if (label !== 'files') return
  await check('the tool registry is exported', () => {
    assert.deepEqual(addon.getSupportedToolNames(), ['exa'])
    assert.equal(addon.isValidToolKeyName('exa'), true)
    assert.equal(addon.getToolKeyEntry('exa'), addon.TOOL_KEY_REGISTRY.get('exa'))
    assert.equal(addon.getToolKeyStorage(), addon.getToolKeyStorage())
  })
}

async function tokens({ addon, directory, service, label, loader }) {
  const fallbackDir = path.join(directory, `${label} of tokens`)
  const storage = new addon.KeychainTokenStorage(`${service} tokens`, { fallbackDir, keyringLoader: loader })
  await check(`${label}: OAuth credentials are saved unchanged, listed and removed`, async () => {
    for (const serverName of ['one', 'two:2']) {
      await storage.setCredentials({ serverName, token: { accessToken: 'a', tokenType: 'Bearer' }, extra: [1] })
    }
    assert.deepEqual((await storage.getCredentials('two:2')).token, { accessToken: 'a', tokenType: 'Bearer' })
    assert.deepEqual((await storage.getCredentials('one')).extra, [1])
    assert.deepEqual(await storage.listServers(), ['one', 'two_2'])
    assert.deepEqual([...(await storage.getAllCredentials()).keys()], ['one', 'two_2'])
    assert.equal(await storage.isAvailable(), true)
    await storage.deleteCredentials('one')
    await assert.rejects(storage.deleteCredentials('one'), { code: 'NOT_FOUND' })
    await storage.clearAll()
    assert.deepEqual(await storage.listServers(), [])
  })
}

async function extensionSettings({ addon, directory, service, label, loader }) {
  const folder = path.join(directory, `${label} of an extension`)
  mkdirSync(folder)
  const fallbackDir = path.join(directory, `${label} of settings`)
  const options = { fallbackDir, keyringLoader: loader }
  const storage = new addon.ExtensionSettingsStorage(service, folder, options)
  await check(`${label}: settings are saved to the store and to .env, and loaded`, async () => {
    const settings = [
      { name: 'Token', envVar: 'TOKEN', sensitive: true },
      { name: 'Path', envVar: 'FOLDER' },
    ]
    const values = { TOKEN: 's3cr3t "quoted"', FOLDER: 'C:\\new folder\\#1\nsecond line' }
    await storage.saveSettings(settings, values)
    assert.deepEqual(await storage.loadSettings(settings), values)
    assert.equal(await storage.hasSettings(settings), true)
    const text = readFileSync(path.join(folder, '.env'), 'utf8')
    assert.doesNotMatch(text, /s3cr3t/)
    await storage.deleteSettings()
    assert.equal(await storage.hasSettings(), false)
    assert.equal(existsSync(path.join(folder, '.env')), false)
  })
}

module.exports = { thinStores }
