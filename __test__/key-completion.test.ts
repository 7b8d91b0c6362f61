// The completions of `/key`, by its method and by its schema.

import {
  getProviderKeyStorage,
  KeyCommand,
  ProviderKeyStorage,
  SecureStore,
  type SecureStoreOptions,
} from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { FakeKeyring, newDirectory } from './support/helpers'

const KEY = 'sk-ant-api03'

function setUp(options: SecureStoreOptions = {}) {
  const keyring = new FakeKeyring()
  const secureStore = new SecureStore('keys', { fallbackDir: newDirectory(), keytarLoader: keyring.loader, ...options })
  const storage = new ProviderKeyStorage({ secureStore })
  return { command: new KeyCommand(storage), keyring, storage }
}

describe('R19 completion', () => {
  const values = async (command: KeyCommand, args: string) => (await command.complete(args)).map(({ value }) => value)

  test('R19 the first word completes the subcommands, with descriptions, and does not call the keyring', async () => {
    const { command, keyring } = setUp()
    for (const args of ['', ' ', '\t'])
      expect(await values(command, args)).toEqual(['save', 'load', 'show', 'list', 'delete'])
    expect(await command.complete(' sa')).toEqual([{ value: 'save', description: 'Save an API key under a name' }])
    for (const args of ['S', 'sk-ant', 'sk-ant ', 'list ', 'none ']) expect(await command.complete(args)).toEqual([])
    expect(keyring.calls).toEqual([])
  })

  test('R19 for save, load, show and delete the second word completes saved names', async () => {
    const { command, storage } = setUp()
    for (const name of ['work', 'Work', 'home']) await storage.saveKey(name, KEY)
    for (const word of ['save', 'load', 'show', 'delete']) {
      expect(await values(command, `${word} `)).toEqual(['Work', 'home', 'work'])
      expect(await command.complete(`${word}\tw`)).toEqual([{ value: 'work' }])
      expect(await command.complete(`${word} work `)).toEqual([])
    }
  })

  test('R19 several completions list the keyring once, and a change through the storage is seen at once', async () => {
    const { command, keyring, storage } = setUp()
    const another = new KeyCommand(storage)
    await storage.saveKey('work', KEY)
    keyring.calls = []
    const typed = await Promise.all(['load ', 'load w', 'load wo', 'show '].map((args) => values(command, args)))
    expect(typed).toEqual([['work'], ['work'], ['work'], ['work']])
    expect(await values(another, 'load ')).toEqual(['work'])
    expect(keyring.calls).toEqual(['find'])
    await another.run(`save home ${KEY}`)
    expect(await values(command, 'load ')).toEqual(['home', 'work'])
    await command.run('delete work', { confirmed: true })
    expect(await values(command, 'load ')).toEqual(['home'])
    await storage.deleteKey('home')
    expect(await values(another, 'load ')).toEqual([])
    await storage.saveKey('late', KEY)
    expect(await values(command, 'load ')).toEqual(['late'])
  })

  test('R19 any failure gives an empty list', async () => {
    const { command, keyring } = setUp({ fallbackPolicy: 'deny' })
    keyring.failure = new Error('The keyring is locked')
    expect(await command.complete('load ')).toEqual([])
    expect(await command.complete('load \ud83d')).toEqual([])
  })

  test('R19 the schema names the subcommands, and completes names where a name is expected', async () => {
    const shape = (schema: typeof KeyCommand.schema) =>
      schema.map(({ kind, value, description, next }) => {
        const name = next?.[0]
        return [kind, value, description !== '', name?.kind, name?.name, typeof name?.completer, name?.next?.[0]?.name]
      })
    const expected = [
      ['literal', 'save', true, 'value', 'name', 'function', 'api-key'],
      ['literal', 'load', true, 'value', 'name', 'function', undefined],
      ['literal', 'show', true, 'value', 'name', 'function', undefined],
      ['literal', 'list', true, undefined, undefined, 'undefined', undefined],
      ['literal', 'delete', true, 'value', 'name', 'function', undefined],
    ]
    const { command, storage } = setUp()
    expect(shape(KeyCommand.schema)).toEqual(expected)
    expect(shape(command.schema)).toEqual(expected)
    await storage.saveKey('mine', KEY)
    await getProviderKeyStorage().saveKey('shared', KEY)
    expect(await command.schema[1]?.next?.[0]?.completer?.({}, '')).toEqual([{ value: 'mine' }])
    expect(await KeyCommand.schema[1]?.next?.[0]?.completer?.({}, '')).toEqual([{ value: 'shared' }])
  })
})
