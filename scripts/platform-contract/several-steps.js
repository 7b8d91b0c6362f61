'use strict'

// Checks the functions that run several steps under a lock: update, withLock and refreshCredentials.

const assert = require('node:assert/strict')
const path = require('node:path')
const { check } = require('./check.js')

async function severalSteps({ addon, directory, service, label, loader }) {
  const { KeychainTokenStorage, SecureStore } = addon
  const options = (name) => ({
    fallbackDir: path.join(directory, `${label} of ${name}`),
    lockDir: path.join(directory, 'locks'),
    keyringLoader: loader,
  })
  const secrets = new SecureStore(`${service} steps`, options('steps'))
  await check(`${label}: concurrent updates lose nothing`, async () => {
    const add = (current) => String(Number(current ?? 0) + 1)
    await Promise.all(Array.from({ length: 10 }, () => secrets.update('counter', add)))
    assert.equal(await secrets.get('counter'), '10')
    assert.equal(await secrets.update('counter', () => undefined), '10')
    assert.equal(await secrets.update('counter', () => null), null)
    assert.equal(await secrets.has('counter'), false)
  })
  await check(`${label}: work under a lock runs alone and may change its key`, async () => {
    let running = 0
    const work = async () => {
      running += 1
      assert.equal(running, 1)
      await secrets.set('locked', 'value')
      running -= 1
      return 'result'
    }
    const results = await Promise.all([secrets.withLock('locked', work), secrets.withLock('locked', work)])
    assert.deepEqual(results, ['result', 'result'])
    assert.equal(await secrets.delete('locked'), true)
  })
  await check(`${label}: stale credentials are refreshed once`, async () => {
    const storage = new KeychainTokenStorage(`${service} refresh`, options('refreshed tokens'))
    const token = (accessToken, expiresAt) => ({ accessToken, tokenType: 'Bearer', expiresAt })
    await storage.setCredentials({ serverName: 'server', token: token('old', 1) })
    let calls = 0
    const refresh = async (credentials) => {
      calls += 1
      return { ...credentials, token: token('new', Date.now() + 3_600_000) }
    }
    const both = [storage.refreshCredentials('server', refresh), storage.refreshCredentials('server', refresh)]
    for (const credentials of await Promise.all(both)) assert.equal(credentials.token.accessToken, 'new')
    assert.equal(calls, 1)
    await storage.deleteCredentials('server')
    assert.equal(await storage.refreshCredentials('server', refresh), null)
  })
}

module.exports = { severalSteps }
