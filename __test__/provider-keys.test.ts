// Named API keys (R9–R11).

import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import {
  getProviderKeyStorage,
  KEY_NAME_REGEX,
  maskKeyForDisplay,
  ProviderKeyStorage,
  resetProviderKeyStorage,
  SecureStore,
} from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { codeOf, FakeKeyring, newDirectory, storageError } from './support/helpers'

function setUp() {
  const keyring = new FakeKeyring()
  const secureStore = new SecureStore('keys', { fallbackDir: newDirectory(), keytarLoader: keyring.loader })
  return { keyring, keys: new ProviderKeyStorage({ secureStore }) }
}

describe('R10 a named key', () => {
  test('is saved, found, loaded, listed and deleted', async () => {
    const { keys } = setUp()
    await keys.saveKey('openai', 'sk-openai')
    await keys.saveKey('Anthropic', 'sk-anthropic')
    expect(await keys.hasKey('openai')).toBe(true)
    expect(await keys.getKey('openai')).toBe('sk-openai')
    expect(await keys.listKeys()).toEqual(['Anthropic', 'openai'])
    expect(await keys.deleteKey('openai')).toBe(true)
    expect(await keys.deleteKey('openai')).toBe(false)
    expect(await keys.hasKey('openai')).toBe(false)
    expect(await keys.getKey('openai')).toBeNull()
  })

  test('is stored without white space and byte-order marks at its ends', async () => {
    const { keyring, keys } = setUp()
    await keys.saveKey('name', '\ufeff\r\n\t sk with\tspace \u00a0\n')
    expect(keyring.entries.get('keys/name')).toBe('sk with\tspace')
  })

  test('that is empty, or only white space, is refused and changes nothing', async () => {
    const { keyring, keys } = setUp()
    for (const empty of ['', ' \t\r\n', '\ufeff', '\u00a0\u2003']) {
      const error = await storageError(keys.saveKey('name', empty))
      expect(error.message).toBe('API key value cannot be empty.')
      expect(error.code).toBe('CORRUPT')
    }
    expect(keyring.calls).toEqual([])
  })

  test('has a name whose case matters', async () => {
    const { keys } = setUp()
    await keys.saveKey('Name', 'one')
    await keys.saveKey('name', 'two')
    expect(await keys.getKey('Name')).toBe('one')
    expect(await keys.listKeys()).toEqual(['Name', 'name'])
  })
})

describe('R9 a name', () => {
  test('that is invalid is refused by every method before the keyring is called', async () => {
    const { keyring, keys } = setUp()
    for (const name of ['', 'a b', 'a/b', '../x', 'ä', 'a\n', 'n'.repeat(65)]) {
      const message = `Key name '${name}' is invalid. Use only letters, numbers, dashes, underscores, and dots (1-64 chars).`
      expect((await storageError(keys.saveKey(name, 'sk'))).message).toBe(message)
      expect((await storageError(keys.getKey(name))).message).toBe(message)
      expect((await storageError(keys.deleteKey(name))).message).toBe(message)
      expect((await storageError(keys.hasKey(name))).message).toBe(message)
      expect(KEY_NAME_REGEX.test(name)).toBe(false)
    }
    expect(keyring.calls).toEqual([])
  })

  test('of 64 characters or of three dots is accepted, and .. is refused by the store', async () => {
    const { keys } = setUp()
    const long = 'n'.repeat(64)
    expect(KEY_NAME_REGEX.test(long)).toBe(true)
    await keys.saveKey(long, 'sk')
    await keys.saveKey('...', 'sk')
    expect(await keys.getKey('...')).toBe('sk')
    expect(await codeOf(keys.saveKey('..', 'sk'))).toBe('CORRUPT')
  })
})

describe('R11 the process-wide storage', () => {
  test('is the same object until it is reset', () => {
    const storage = getProviderKeyStorage()
    expect(getProviderKeyStorage()).toBe(storage)
    expect(storage).toBeInstanceOf(ProviderKeyStorage)
    resetProviderKeyStorage()
    expect(getProviderKeyStorage()).not.toBe(storage)
  })

  test('keeps its files in ~/.llxprt/provider-keys', async () => {
    resetProviderKeyStorage()
    await getProviderKeyStorage().saveKey('name', 'sk')
    const directory = path.join(process.env.HOME ?? '', '.llxprt', 'provider-keys')
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    expect(existsSync(path.join(directory, 'name.enc'))).toBe(true)
  })
})

test('R12 maskKeyForDisplay shows only the first and last two characters of a key of more than eight', () => {
  expect(maskKeyForDisplay('')).toBe('')
  expect(maskKeyForDisplay('12345678')).toBe('********')
  expect(maskKeyForDisplay('123456789')).toBe('12*****89')
  expect(maskKeyForDisplay('🔑🔑🔑🔑🔑🔑🔑🔑')).toBe('********')
  expect(maskKeyForDisplay('🔑23456789🔒')).toBe('🔑2******9🔒')
  expect(maskKeyForDisplay('\ud800'.repeat(9))).toHaveLength(9)
})
