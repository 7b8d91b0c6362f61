'use strict'

// Checks named keys, the `/key` command, and the masking of keys.

const assert = require('node:assert/strict')
const path = require('node:path')
const { check } = require('./check.js')

const KEY = 'sk-0123456789'
const MASKED = 'sk*********89'

async function namedKeys(place) {
  const { addon, directory, service, label, loader } = place
  const options = { fallbackDir: path.join(directory, `${label} of named keys`), keyringLoader: loader }
  const keys = new addon.ProviderKeyStorage({ secureStore: new addon.SecureStore(`${service} named`, options) })
  await check(`${label}: named keys are trimmed, saved, listed and deleted`, async () => {
    await keys.saveKey('openai', ` ${KEY}\n`)
    assert.equal(await keys.getKey('openai'), KEY)
    assert.equal(await keys.hasKey('openai'), true)
    assert.deepEqual(await keys.listKeys(), ['openai'])
    assert.equal(await keys.deleteKey('openai'), true)
    assert.equal(await keys.getKey('openai'), null)
  })
  await check(`${label}: /key saves, confirms overwriting, shows masked, lists, loads and deletes`, async () => {
    const command = new addon.KeyCommand(keys)
    const content = async (...args) => (await command.run(...args)).content
    assert.match(await content(`save work ${KEY}`), /^Saved key 'work' \(sk\*{9}89\)/)
    assert.equal((await command.run('save work other')).type, 'confirm_action')
    assert.equal(await content('show work'), `work: ${MASKED} (13 chars)`)
    assert.equal(await content('list'), `Saved keys:\n  work  ${MASKED}`)
    assert.deepEqual(await command.complete('load '), [{ value: 'work' }])
    assert.equal((await command.run('load work')).apiKey, KEY)
    assert.equal(await content('delete work', { confirmed: true }), "Deleted key 'work'")
    assert.match(await content('load work'), /^Key 'work' not found/)
  })
  if (label === 'files') await withoutStorage(place)
}

async function withoutStorage({ addon }) {
  await check('the process-wide storage stays the same instance until it is reset', async () => {
    process.env.LLXPRT_DISABLE_OS_KEYRING = '1'
    try {
      addon.resetProviderKeyStorage()
      const first = addon.getProviderKeyStorage()
      assert.equal(addon.getProviderKeyStorage(), first)
      await first.saveKey('own', KEY)
      addon.resetProviderKeyStorage()
      assert.notEqual(addon.getProviderKeyStorage(), first)
      assert.equal(await addon.getProviderKeyStorage().getKey('own'), KEY)
      assert.equal(await addon.getProviderKeyStorage().deleteKey('own'), true)
    } finally {
      delete process.env.LLXPRT_DISABLE_OS_KEYRING
      addon.resetProviderKeyStorage()
    }
  })
  await check('names consist of letters, digits, dots, dashes and underscores', () => {
    addon.validateKeyName('Aa0._-')
    assert.throws(() => addon.validateKeyName('a b'), { name: 'SecureStoreError', code: 'CORRUPT' })
    assert.equal(addon.KEY_NAME_REGEX.test('a/b'), false)
  })
  await check('/key is parsed and has a schema', () => {
    assert.deepEqual(addon.KeyCommand.parse(`save work ${KEY}`), { kind: 'save', name: 'work', key: KEY })
    const words = addon.KeyCommand.schema.map(({ value }) => value)
    assert.deepEqual(words, ['save', 'load', 'show', 'list', 'delete'])
  })
  await check('a key is masked when it is shown and when it is typed', () => {
    assert.equal(addon.maskKeyForDisplay(KEY), MASKED)
    const input = new addon.SecureInputHandler()
    assert.equal(input.shouldUseSecureMode(`/key ${KEY}`), true)
    assert.equal(input.processInput(`/key save work ${KEY}`), `/key save work ${MASKED}`)
    assert.equal(input.getActualValue(), `/key save work ${KEY}`)
    assert.equal(input.isInSecureMode(), true)
    input.reset()
    assert.equal(input.getActualValue(), '')
    assert.equal(input.sanitizeForHistory(`/key ${KEY}`), `/key ${MASKED}`)
  })
}

module.exports = { namedKeys }
