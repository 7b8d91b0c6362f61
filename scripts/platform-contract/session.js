'use strict'

// Checks which key a session uses, for the command line and for every kind of source.

const assert = require('node:assert/strict')
const { writeFileSync } = require('node:fs')
const path = require('node:path')
const { check } = require('./check.js')

async function session({ addon, directory, home, service, label, loader }) {
  const { ProviderKeyStorage, SecureStore, parseKeyArgs, resolveApiKey } = addon
  const options = { fallbackDir: path.join(directory, `${label} of the session`), keyringLoader: loader }
  const keys = new ProviderKeyStorage({ secureStore: new SecureStore(`${service} session`, options) })
  await check(`${label}: a named key is used, and a missing one is an error`, async () => {
    await keys.saveKey('work', 'sk-named')
    const { apiKey, source, reference } = await resolveApiKey({ keyName: 'work', env: {} }, keys)
    assert.deepEqual([apiKey, source, reference], ['sk-named', 'key-name', 'work'])
    assert.equal(await keys.deleteKey('work'), true)
    await assert.rejects(resolveApiKey({ keyName: 'work' }, keys), { code: 'NOT_FOUND', exitCode: 41 })
  })
  if (label !== 'files') return
  await check('a key file is read, by absolute path and relative to the home directory', async () => {
    const keyfile = path.join(home, 'key file')
    writeFileSync(keyfile, '\ufeff sk-file\r\n')
    assert.equal((await resolveApiKey({ keyfile }, keys)).apiKey, 'sk-file')
    assert.equal((await resolveApiKey({ keyfile: `~${path.sep}key file` }, keys)).apiKey, 'sk-file')
    await assert.rejects(resolveApiKey({ keyfile: path.join(home, 'none') }, keys), { code: 'NOT_FOUND' })
    await assert.rejects(resolveApiKey({ keyfile: home }, keys), { name: 'SecureStoreError', exitCode: 41 })
  })
  await check('the command line takes precedence over profile and environment', async () => {
    const lower = {
      profile: { name: 'p', 'auth-key': 'sk-profile' },
      env: { API_KEY: 'sk-env' },
      envNames: ['API_KEY'],
    }
    assert.equal((await resolveApiKey({ key: 'sk-raw', ...lower }, keys)).source, 'key')
    assert.equal((await resolveApiKey(lower, keys)).source, 'profile-key')
    const { apiKey, reference } = await resolveApiKey({ ...lower, profile: null }, keys)
    assert.deepEqual([apiKey, reference], ['sk-env', 'API_KEY'])
    assert.equal((await resolveApiKey({}, keys)).source, 'none')
  })
  await check('the flags are parsed, and the settings are exported', () => {
    assert.deepEqual(parseKeyArgs(['--key=a', 'x', '--key-name', 'b', '--keyfile', 'c']), {
      keyOverride: 'a',
      keyNameOverride: 'b',
      keyfileOverride: 'c',
    })
    assert.throws(() => parseKeyArgs(['--key']), { message: '--key requires a value' })
    assert.deepEqual([...addon.AUTH_EPHEMERAL_SETTINGS], ['auth-key-name', 'auth-keyfile', 'auth-key'])
  })
}

module.exports = { session }
