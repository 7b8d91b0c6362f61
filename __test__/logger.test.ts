// The option `logger`, which gets the events of an object as text.

import { configure, ProviderKeyStorage, SecureStore, type StorageLogger, setLogSink } from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { FakeKeyring, newDirectory } from './support/helpers'

class Lines implements StorageLogger {
  lines: Array<[string, string]> = []
  debug(message: string | (() => string)) {
    this.lines.push(['debug', typeof message === 'function' ? message() : message])
  }
  warn(message: string | (() => string)) {
    this.lines.push(['warn', typeof message === 'function' ? message() : message])
  }
  error(message: string | (() => string)) {
    this.lines.push(['error', typeof message === 'function' ? message() : message])
  }
}

describe('R8 a logger', () => {
  test('gets the events of its object only, before the promise settles', async () => {
    const [logger, other] = [new Lines(), new Lines()]
    const keyring = new FakeKeyring()
    const options = { fallbackDir: newDirectory(), keyringLoader: keyring.loader }
    const store = new SecureStore('logged', { ...options, logger })
    await new SecureStore('quiet', { ...options, logger: other }).get('key')
    await store.set('my-key', 'sk-secret')
    const operation = logger.lines.find(([, line]) => line.startsWith('operation: '))
    expect(operation).toEqual(['debug', expect.stringMatching(/operation=set service=logged key=[0-9a-f]{8}/)])
    keyring.failure = new Error('locked')
    await store.delete('my-key').catch(() => {})
    expect(logger.lines).toContainEqual(['warn', expect.stringMatching(/operation=delete .*code=LOCKED/)])
    const all = logger.lines.map(([, line]) => line).join('\n')
    for (const hidden of ['sk-secret', 'my-key', 'quiet']) expect(all).not.toContain(hidden)
    expect(other.lines.length).toBeGreaterThan(0)
  })

  test('and a sink both get the events', async () => {
    const events: string[] = []
    setLogSink((event) => events.push(`${event.event} ${event.operation}`))
    const logger = new Lines()
    await new SecureStore('both', { fallbackDir: newDirectory(), logger }).get('key')
    setLogSink(null)
    expect(events).toContain('operation get')
    expect(logger.lines.length).toBeGreaterThan(0)
  })

  test('may be set by configure, and for every class', async () => {
    const logger = new Lines()
    configure({ logger })
    await new ProviderKeyStorage({ fallbackDir: newDirectory() }).getKey('work')
    configure({ logger: null })
    await new ProviderKeyStorage({ fallbackDir: newDirectory() }).listKeys()
    expect(logger.lines.some(([, line]) => line.includes('operation=get'))).toBe(true)
    expect(logger.lines.some(([, line]) => line.includes('operation=list'))).toBe(false)
  })

  test('may throw without changing the result of a call', async () => {
    const fails = () => {
      throw new Error('the logger failed')
    }
    const logger = { debug: fails, warn: fails, error: fails }
    const store = new SecureStore('throws', { fallbackDir: newDirectory(), logger })
    await store.set('key', 'value')
    expect(await store.get('key')).toBe('value')
  })

  test('without its methods is a TypeError', () => {
    for (const logger of [null, {}, { debug() {} }, console.log]) {
      expect(() => new SecureStore('service', { logger: logger as never })).toThrow(TypeError)
    }
  })
})
