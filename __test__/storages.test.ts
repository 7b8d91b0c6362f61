// Injected storages: any object with the methods of the class.

import {
  ExtensionSettingsStorage,
  KeyCommand,
  KeychainTokenStorage,
  ProviderKeyStorage,
  resolveApiKey,
  SecureStore,
  SecureStoreError,
  type SecureStoreLike,
  ToolKeyStorage,
} from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { codeOf, FakeKeyring, newDirectory, storageError } from './support/helpers'

/** A store in memory that records its calls. Each call throws `failure` if that is set. */
class MapStore implements SecureStoreLike {
  #entries = new Map<string, string>()
  calls: string[] = []
  failure: unknown

  async get(key: string) {
    this.#called('get', key)
    return this.#entries.get(key) ?? null
  }
  async set(key: string, value: string) {
    this.#called('set', key)
    this.#entries.set(key, value)
  }
  async delete(key: string) {
    this.#called('delete', key)
    return this.#entries.delete(key)
  }
  async list() {
    this.#called('list', '')
    return [...this.#entries.keys()]
  }
  async has(key: string) {
    this.#called('has', key)
    return this.#entries.has(key)
  }
  #called(method: string, key: string) {
    this.calls.push(`${method} ${key}`.trim())
    if (this.failure !== undefined) throw this.failure
  }
}

describe('R1 an object in place of a store', () => {
  test('has its methods called, as methods, by every class', async () => {
    const secureStore = new MapStore()
    const keys = new ProviderKeyStorage({ secureStore })
    await keys.saveKey('work', ' sk-1 ')
    expect([await keys.getKey('work'), await keys.hasKey('work')]).toEqual(['sk-1', true])
    expect([await keys.listKeys(), await keys.deleteKey('work'), await keys.getKey('work')]).toEqual([
      ['work'],
      true,
      null,
    ])
    expect(secureStore.calls).toEqual(['set work', 'get work', 'has work', 'list', 'delete work', 'get work'])

    const tools = new ToolKeyStorage({ secureStore, toolsDir: newDirectory() })
    await tools.saveKey('exa', 'sk-2')
    expect(await tools.resolveKey('exa')).toBe('sk-2')

    const tokens = new KeychainTokenStorage('service', { secureStore })
    await tokens.setCredentials({ serverName: 'a b', token: { accessToken: 't', tokenType: 'Bearer' } })
    expect((await tokens.getCredentials('a b'))?.token.accessToken).toBe('t')
    await tokens.deleteCredentials('a b')

    const settings = new ExtensionSettingsStorage('x', newDirectory(), { secureStore })
    const declared = [{ name: 'Key', envVar: 'KEY', sensitive: true }]
    await settings.saveSettings(declared, { KEY: 'v' })
    expect(await settings.loadSettings(declared)).toEqual({ KEY: 'v' })
    expect(await secureStore.get('KEY')).toBe('v')
  })

  test('may be a SecureStore, which is then used directly', async () => {
    const keyring = new FakeKeyring()
    const secureStore = new SecureStore('service', { fallbackDir: newDirectory(), keyringLoader: keyring.loader })
    await new ProviderKeyStorage({ secureStore }).saveKey('work', 'sk')
    expect(keyring.entries.get('service/work')).toBe('sk')
    expect(await secureStore.get('work')).toBe('sk')
  })

  test('has its overridden methods called: those of a subclass, of the object and of a proxy', async () => {
    const options = { fallbackDir: newDirectory() }
    class Guarded extends SecureStore {
      override async get(key: string) {
        return `guarded ${await super.get(key)}`
      }
    }
    const guarded = new Guarded('service', options)
    const keys = new ProviderKeyStorage({ secureStore: guarded })
    await keys.saveKey('work', 'sk')
    expect(await keys.getKey('work')).toBe('guarded sk')
    const patched = new SecureStore('service', options)
    patched.get = async () => 'patched'
    expect(await new ProviderKeyStorage({ secureStore: patched }).getKey('work')).toBe('patched')
    const proxy = new Proxy(new SecureStore('service', options), {
      get: (target, name) => {
        const value = Reflect.get(target, name)
        return name === 'get' ? async () => 'proxied' : typeof value === 'function' ? value.bind(target) : value
      },
    })
    expect(await new ProviderKeyStorage({ secureStore: proxy }).getKey('work')).toBe('proxied')
  })

  test('that fails is treated like an adapter that fails', async () => {
    const secureStore = new MapStore()
    const keys = new ProviderKeyStorage({ secureStore })
    for (const [failure, code] of [
      [new SecureStoreError('m', 'CONFLICT', 'r'), 'CONFLICT'],
      [new SecureStoreError('m', 'RUNTIME_REPLACED', 'r'), 'RUNTIME_REPLACED'],
      [Object.assign(new Error('The keychain is locked'), { code: 'RUNTIME_REPLACED' }), 'RUNTIME_REPLACED'],
      [new SecureStoreError('m', 'LOCKED', 'r'), 'LOCKED'],
      [new Error('The socket timed out'), 'TIMEOUT'],
      [new Error('proxy error'), 'UNAVAILABLE'],
    ] as const) {
      secureStore.failure = failure
      expect(await codeOf(keys.getKey('work'))).toBe(code)
      expect((await storageError(keys.saveKey('work', 'sk'))).message).toBe(failure.message)
    }
    secureStore.failure = new Error('cannot store sk-secret')
    expect((await storageError(keys.saveKey('work', 'sk-secret'))).message).toBe('cannot store ***')
    secureStore.failure = new Error('Key not found')
    expect([await keys.getKey('work'), await keys.deleteKey('work'), await keys.hasKey('work')]).toEqual([
      null,
      false,
      false,
    ])
  })

  test('that returns something other than a string makes the call UNAVAILABLE, and the value is not shown', async () => {
    const secureStore = Object.assign(new MapStore(), { get: async () => ['sk-secret'] as unknown as string })
    const error = await storageError(new ProviderKeyStorage({ secureStore }).getKey('work'))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.message).not.toContain('sk-secret')
  })

  test('without the methods of a store is a TypeError', () => {
    const { get, set } = new MapStore()
    for (const secureStore of [null, 7, 'store', {}, { get, set }, []]) {
      const options = { secureStore } as never
      expect(() => new ProviderKeyStorage(options)).toThrow(TypeError)
      expect(() => new KeychainTokenStorage('service', options)).toThrow(/options\.secureStore must be an object/)
    }
  })
})

describe('R1 an object in place of a ProviderKeyStorage', () => {
  /** Like the proxy of a sandbox, whose errors are of the class Error. */
  class ProxyStorage {
    #keys = new Map([['work', 'sk-proxied-key-123456']])
    listings = 0
    async getKey(name: string) {
      return this.#keys.get(name) ?? null
    }
    async listKeys() {
      this.listings += 1
      return [...this.#keys.keys()]
    }
    async hasKey(name: string) {
      return this.#keys.has(name)
    }
    async saveKey(_name: string, _key: string): Promise<void> {
      throw new Error('API key management is not available in sandbox mode')
    }
    async deleteKey(_name: string): Promise<boolean> {
      throw new Error('API key management is not available in sandbox mode')
    }
  }

  test('serves /key', async () => {
    const command = new KeyCommand(new ProxyStorage())
    expect(await command.run('load work')).toMatchObject({ action: 'set', apiKey: 'sk-proxied-key-123456' })
    expect(await command.run('list')).toMatchObject({ content: expect.stringContaining('work') })
    const save = await command.run('save other sk-other')
    expect(save).toMatchObject({ messageType: 'error' })
    expect(JSON.stringify(save)).not.toContain('sk-other')
  })

  test('ends /key list with an error that ends every operation', async () => {
    for (const code of ['CONFLICT', 'RUNTIME_REPLACED'] as const) {
      const storage = new ProxyStorage()
      storage.getKey = () => Promise.reject(new SecureStoreError('m', code, 'r'))
      const content = 'm — r'
      expect(await new KeyCommand(storage).run('list')).toEqual({ type: 'message', messageType: 'error', content })
    }
    const secureStore = new MapStore()
    await secureStore.set('work', 'sk')
    secureStore.get = () => Promise.reject(new SecureStoreError('m', 'RUNTIME_REPLACED', 'r'))
    const keys = new ProviderKeyStorage({ secureStore })
    expect(await new KeyCommand(keys).run('list')).toMatchObject({ messageType: 'error', content: 'm — r' })
  })

  test('serves resolveApiKey', async () => {
    const resolved = await resolveApiKey({ keyName: 'work' }, new ProxyStorage())
    expect(resolved).toMatchObject({ apiKey: 'sk-proxied-key-123456', source: 'key-name' })
    const error = await storageError(resolveApiKey({ keyName: 'none' }, new ProxyStorage()))
    expect(error).toMatchObject({ code: 'NOT_FOUND', exitCode: 41 })
  })

  test('is listed once for the completions of several commands', async () => {
    const storage = new ProxyStorage()
    expect(await new KeyCommand(storage).complete('load w')).toEqual([{ value: 'work' }])
    expect(await new KeyCommand(storage).complete('show ')).toEqual([{ value: 'work' }])
    expect(storage.listings).toBe(1)
  })

  test('without its methods is a TypeError', async () => {
    for (const storage of [null, {}, new MapStore()] as never[]) {
      expect(() => new KeyCommand(storage)).toThrow(TypeError)
    }
    await expect(resolveApiKey({ keyName: 'work' }, {} as never)).rejects.toBeInstanceOf(TypeError)
  })
})
