// SecureInputHandler. Property tests in Rust cover arbitrary lines.

import { maskKeyForDisplay, SecureInputHandler } from '@llxprt/securestore'
import { expect, test } from 'vitest'

const KEY = 'sk-ant-api03'
const MASKED = 'sk********03'

const handler = () => new SecureInputHandler()

test('R20 secure lines start with /key, /keyfile or /toolkey, after white space', () => {
  for (const secure of ['/key', '/key sk', ' \n/key\tsk', '/keyfile ~/k', '/toolkey', '\ufeff/toolkey exa']) {
    expect(handler().shouldUseSecureMode(secure), secure).toBe(true)
  }
  for (const open of ['', 'key', '/keys', '/keyring x', '/KEY sk', 'say /key sk', '/toolkeyfile x']) {
    expect(handler().shouldUseSecureMode(open), open).toBe(false)
    expect(handler().processInput(open)).toBe(open)
    expect(handler().sanitizeForHistory(open)).toBe(open)
  }
})

test('R20 the key is masked; command, name and tool stay visible', () => {
  for (const [line, masked] of [
    [`/key ${KEY}`, `/key ${MASKED}`],
    ['/key short', '/key *****'],
    [`\t/key \t ${KEY} `, `\t/key \t ${MASKED} `],
    [`/key save work ${KEY}`, `/key save work ${MASKED}`],
    ['/key  save   work   key with spaces', '/key  save   work   ke***********es'],
    [`/toolkey exa ${KEY}`, `/toolkey exa ${MASKED}`],
    ['/key LOAD x', '/key ******'],
    ['/key 🔑🔑34567🔒🔒', '/key 🔑🔑*****🔒🔒'],
  ] as const) {
    expect(handler().processInput(line)).toBe(masked)
    expect(handler().sanitizeForHistory(line)).toBe(masked)
    expect(handler().processInput(masked)).toBe(masked)
    expect(handler().sanitizeForHistory(masked)).toBe(masked)
  }
})

test('R20 lines without a key are unchanged', () => {
  for (const line of [
    '/key',
    '/key ',
    '/key save',
    '/key save work ',
    '/key load work',
    '/key show a b',
    '/key list',
    '/key delete work',
    '/keyfile ~/.keys/work',
    '/toolkey exa ',
  ]) {
    expect(handler().processInput(line)).toBe(line)
    expect(handler().sanitizeForHistory(line)).toBe(line)
  }
})

test('R20 processInput masks up to the first line break, and sanitizeForHistory to the end of the key', () => {
  const line = `/key save work ${KEY}\r\nand more`
  expect(handler().processInput(line)).toBe(`/key save work ${MASKED}\r\nand more`)
  expect(handler().sanitizeForHistory(line)).toBe(`/key save work ${maskKeyForDisplay(`${KEY}\r\nand more`)}`)
})

test('R20 getActualValue returns the typed text until the next text or a reset', () => {
  const input = handler()
  expect(input.getActualValue()).toBe('')
  expect(input.isInSecureMode()).toBe(false)
  input.processInput(`/key ${KEY}`)
  expect(input.getActualValue()).toBe(`/key ${KEY}`)
  expect(input.isInSecureMode()).toBe(true)
  input.processInput('hello')
  expect(input.getActualValue()).toBe('hello')
  expect(input.isInSecureMode()).toBe(false)
  input.processInput(`/key ${KEY}`)
  input.reset()
  expect(input.getActualValue()).toBe('')
  expect(input.isInSecureMode()).toBe(false)
})

test('R20 half of a surrogate pair, as it is typed, is returned unchanged', () => {
  const input = handler()
  for (const line of ['hello \ud83d', '/key \ud83d', `/key ${KEY}\udc11${KEY}`, '/key load \ud83d']) {
    const masked = input.processInput(line)
    expect(input.getActualValue()).toBe(line)
    expect(input.sanitizeForHistory(line)).toBe(masked)
  }
  expect(input.processInput('/key load \ud83d')).toBe('/key load \ud83d')
  expect(input.processInput('/key \ud83d')).toBe('/key *')
  expect(input.processInput('/keyfile \0')).toBe('/keyfile \0')
})

test('R20 a megabyte of text is masked', () => {
  const length = 2 ** 20
  for (const line of [`/key ${'k '.repeat(length / 2)}k`, `/key save work ${'🔑'.repeat(length / 2)}`]) {
    expect(handler().processInput(line)).toHaveLength(line.length - hidden(line))
    expect(handler().sanitizeForHistory(line)).toHaveLength(line.length - hidden(line))
  }
  for (const line of [
    '/key list\n'.repeat(length / 10),
    `/key${'\n'.repeat(length)}`,
    `/keyfile ${' \n'.repeat(length / 2)}`,
  ]) {
    expect(handler().processInput(line) === line).toBe(true)
    expect(handler().sanitizeForHistory(line) === line).toBe(true)
  }

  /** Returns by how much masking shortens a line: a hidden character of two UTF-16 units becomes a `*` of one. */
  function hidden(line: string): number {
    return Math.max(0, (line.match(/🔑/gu) ?? []).length - 4)
  }
})

test('R20 a value that is not a string is a TypeError', () => {
  for (const wrong of [undefined, null, 1, {}, ['/key']]) {
    const line = wrong as unknown as string
    expect(() => handler().shouldUseSecureMode(line)).toThrow(TypeError)
    expect(() => handler().processInput(line)).toThrow(TypeError)
    expect(() => handler().sanitizeForHistory(line)).toThrow(TypeError)
  }
})
