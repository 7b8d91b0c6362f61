// Which calls run under a lock that is held, and which need none.

import { KeychainTokenStorage, SecureStore } from '@llxprt/securestore'
import { expect, test } from 'vitest'
import { newDirectory, noKeyring } from './support/helpers'

function setUp() {
  const options = { fallbackDir: newDirectory(), lockDir: newDirectory(), keyringLoader: noKeyring }
  return { store: new SecureStore('locks', options), tokens: new KeychainTokenStorage('locks', options) }
}

/** A promise, and the function that resolves it. */
function gate() {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

test('withLock recognizes its context also for a call that starts in a turn which other calls have filled', async () => {
  const { store } = setUp()
  const [held, change] = [gate(), gate()]
  const holder = store.withLock('key', async () => {
    held.open()
    await change.opened
    await store.set('key', 'inside')
  })
  await held.opened
  const others = Array.from({ length: 100 }, () => store.has('another'))
  change.open()
  await Promise.all([holder, ...others])
  expect(await store.get('key')).toBe('inside')
})

test('refreshCredentials needs no lock for credentials that are not stale', async () => {
  const { store, tokens } = setUp()
  const token = { accessToken: 'good', tokenType: 'Bearer', expiresAt: Date.now() + 3_600_000 }
  await tokens.setCredentials({ serverName: 'server', token })
  const [held, end] = [gate(), gate()]
  const holder = store.withLock('server', () => {
    held.open()
    return end.opened
  })
  await held.opened
  const found = await tokens.refreshCredentials('server', () => Promise.reject(new Error('not needed')))
  expect(found?.token.accessToken).toBe('good')
  end.open()
  await holder
})

test('refreshCredentials stores what it was given for the server that was asked for', async () => {
  const { tokens } = setUp()
  const token = { accessToken: 'stale', tokenType: 'Bearer', expiresAt: 1 }
  await tokens.setCredentials({ serverName: 'server', token })
  await tokens.refreshCredentials('server', async () => ({
    serverName: 'another',
    token: { ...token, accessToken: 'new' },
  }))
  expect((await tokens.getCredentials('server'))?.token.accessToken).toBe('new')
  expect(await tokens.listServers()).toEqual(['server'])
})
