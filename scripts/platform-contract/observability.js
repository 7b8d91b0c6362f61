'use strict'

// Checks events, the report of the doctor, legacy data, and the keyring as an adapter.

const assert = require('node:assert/strict')
const { mkdirSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { check } = require('./check.js')

const BACKENDS = { darwin: 'Keychain', win32: 'Credential Manager' }

async function observability({ addon, directory, home, service }, available) {
  await check('the keyring is offered as an adapter if it is available', async () =>
    assert.equal((await addon.createDefaultKeyringAdapter()) !== null, available),
  )
  await check('the doctor reports the keyring, whether it works, and where keys are', async () => {
    const { versions, keyring, places } = await addon.doctor({ keyringTimeoutMs: 20_000 })
    assert.equal(versions.platform, `${process.platform}-${process.arch}`)
    assert.equal(keyring.works, available)
    if (available) assert.equal(keyring.backend, BACKENDS[process.platform] ?? 'Secret Service')
    const provider = places.find(({ name }) => name === 'provider keys')
    assert.equal(provider.directory, path.join(home, '.llxprt', 'provider-keys'))
    assert.equal(provider.directoryTooOpen, false)
  })
  await check('a disabled keyring is not used', async () => {
    process.env.LLXPRT_DISABLE_OS_KEYRING = '1'
    try {
      assert.equal(await addon.createDefaultKeyringAdapter(), null)
      assert.equal((await addon.doctor()).keyring.backend, 'none')
    } finally {
      delete process.env.LLXPRT_DISABLE_OS_KEYRING
    }
  })
  await check('events report operations and contain neither key nor value', async () => {
    const events = []
    addon.setLogSink((event) => events.push(event))
    try {
      const options = { fallbackDir: path.join(directory, 'seen'), keyringLoader: async () => null }
      await new addon.SecureStore(service, options).set('key-name', 'the value')
    } finally {
      addon.setLogSink(null)
    }
    const operation = events.find(({ event }) => event === 'operation')
    assert.deepEqual([operation.operation, operation.backend, operation.outcome], ['set', 'file', 'ok'])
    assert.doesNotMatch(JSON.stringify(events), /key-name|the value/)
  })
  await check('legacy data is found', async () => {
    const tools = path.join(directory, 'old home', '.llxprt', 'tools')
    mkdirSync(tools, { recursive: true })
    writeFileSync(path.join(tools, 'exa.key'), 'old')
    writeFileSync(path.join(tools, '..', 'mcp-oauth-tokens-v2.json'), '{}')
    const found = await addon.findLegacyData({ homeDir: path.join(directory, 'old home') })
    assert.deepEqual(found.map(({ kind }) => kind).sort(), ['mcp-oauth-tokens', 'tool-key'])
    assert.ok(found.some((data) => data.path === path.join(tools, 'exa.key')))
  })
}

module.exports = { observability }
