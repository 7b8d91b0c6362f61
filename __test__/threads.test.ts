// The number of threads that a burst of calls starts.

import { describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { runNode } from './support/node'

describe.runIf(process.platform === 'linux')('a burst of 1,000 calls', () => {
  test('of several classes runs on at most 16 threads of the addon', async () => {
    const output = await runNode(`
      const fs = require('node:fs')
      const names = () => fs.readdirSync('/proc/self/task').flatMap((task) => {
        try { return fs.readFileSync('/proc/self/task/' + task + '/comm', 'utf8').trim() } catch { return [] }
      })
      const options = (name) => ({ fallbackDir: ${JSON.stringify(newDirectory())} + '/' + name, keyringLoader: async () => null })
      const store = new securestore.SecureStore('burst', options('store'))
      const tokens = new securestore.KeychainTokenStorage('tokens', options('tokens'))
      const settings = new securestore.ExtensionSettingsStorage('x', ${JSON.stringify(newDirectory())}, options('settings'))
      const declared = [{ name: 'A', envVar: 'A' }, { name: 'B', envVar: 'B', sensitive: true }]
      await store.set('key', 'value')
      let most = 0, running = true
      const look = () => { most = Math.max(most, names().filter((name) => name.startsWith('securestore')).length); if (running) setImmediate(look) }
      look()
      const calls = []
      for (let at = 0; at < 1000; at += 1) {
        calls.push(at % 4 === 0 ? store.set('key' + at, 'value') : store.get('key'))
        calls.push(tokens.getCredentials('server' + at), settings.loadSettings(declared))
      }
      await Promise.all(calls)
      running = false
      console.log(most)`)
    expect(Number(output)).toBeGreaterThan(1)
    expect(Number(output)).toBeLessThanOrEqual(16)
  })
})
