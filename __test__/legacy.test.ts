// Legacy data (R7C), and the rules for all stores that are built on SecureStore (R7.7).

import { mkdirSync, readdirSync, readFileSync, type Stats, statSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { findLegacyData, ToolKeyStorage } from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { codeOf, newDirectory, noKeyring } from './support/helpers'
import { ROOT } from './support/node'

function legacyHome() {
  const homeDir = newDirectory()
  const tools = path.join(homeDir, '.llxprt', 'tools')
  mkdirSync(tools, { recursive: true })
  const key = path.join(tools, 'exa.key')
  const tokens = path.join(homeDir, '.llxprt', 'mcp-oauth-tokens-v2.json')
  writeFileSync(key, '00:11:22', { mode: 0o644 })
  writeFileSync(tokens, '00:11:22')
  return { homeDir, tools, key, tokens }
}

describe('R7C legacy data', () => {
  test('is reported with its remedy and not changed, and the file of tokens is not read', async () => {
    const { homeDir, tools, key, tokens } = legacyHome()
    await new ToolKeyStorage({ toolsDir: tools, keytarLoader: noKeyring }).saveKey('exa', 'new')
    await new ToolKeyStorage({ toolsDir: tools }).setKeyfilePath('exa', '/k')
    // Also with the mount option relatime, a read changes an access time that is older than the modification time.
    for (const file of [key, tokens]) utimesSync(file, new Date(0), new Date())
    const before = [statSync(key), statSync(tokens)]
    expect(await findLegacyData({ homeDir })).toEqual([
      {
        path: key,
        kind: 'tool-key',
        message: `Re-save your key with /toolkey set exa <api-key>. ${key} is in a format that is no longer read; delete it afterwards.`,
      },
      {
        path: tokens,
        kind: 'mcp-oauth-tokens',
        message: `Re-authenticate with /auth login for MCP servers. ${tokens} is in a format that is no longer read; delete it afterwards.`,
      },
    ])
    const after = [statSync(key), statSync(tokens)]
    const unchanged = ({ mode, mtimeMs, ino }: Stats) => ({ mode, mtimeMs, ino })
    expect(after.map(unchanged)).toEqual(before.map(unchanged))
    // The key is read, because only its content shows that it is not an envelope.
    expect(after[1]?.atimeMs).toBe(before[1]?.atimeMs)
    expect(readFileSync(key, 'utf8')).toBe('00:11:22')
    const files = readdirSync(tools).filter((name) => name !== '.keys')
    expect(files.sort()).toEqual(['exa.enc', 'exa.key', 'keyfiles.json'])
  })

  test('is not found in a new home, and does not count as a key', async () => {
    expect(await findLegacyData({ homeDir: newDirectory() })).toEqual([])
    expect(await findLegacyData({ homeDir: path.join(newDirectory(), 'missing') })).toEqual([])
    expect(await findLegacyData()).toEqual([])
    const { tools } = legacyHome()
    const keys = new ToolKeyStorage({ toolsDir: tools, keytarLoader: noKeyring })
    expect(await keys.getKey('exa')).toBeNull()
    expect(await keys.deleteKey('exa')).toBe(false)
    expect(readdirSync(tools)).toEqual(['exa.key'])
  })

  test('is searched for in the home of the user by default', async () => {
    const { homeDir } = legacyHome()
    const home = process.env.HOME
    process.env.HOME = homeDir
    const found = findLegacyData()
    process.env.HOME = home
    expect(await found).toHaveLength(2)
    const untyped = findLegacyData as (options?: unknown) => Promise<unknown>
    await expect(untyped(7)).rejects.toThrow(new TypeError('options must be an object, not a number'))
    await expect(untyped({ homeDir: '' })).rejects.toThrow(TypeError)
    expect(await codeOf(findLegacyData({ homeDir: `/${'x'.repeat(300)}` }))).toBe('UNAVAILABLE')
  })
})

describe('R7.7 keyring and cipher', () => {
  const CRATES =
    /\b(zbus|keyring_core|apple_native_keyring_store|windows_native_keyring_store|security_framework|aes|aes_gcm|cbc|crypto_bigint|hkdf|scrypt|pbkdf2|hmac|sha2)::/
  // For fingerprints of names, which are not encryption.
  const ALLOWED = new Map([
    ['fs/lock.rs', 'sha2'],
    ['telemetry.rs', 'sha2'],
  ])
  const sources = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.rs'))
    .map((name) => ({ name, code: read(name) }))

  function read(name: string): string {
    const code = readFileSync(path.join(ROOT, 'src', name), 'utf8')
    return code.replace(/^\s*\/\/.*$/gm, '')
  }

  test('crates are imported only by src/keyring and src/fallback', () => {
    const importing = sources
      .filter(({ code }) => CRATES.test(code))
      .map(({ name, code }) => [name, CRATES.exec(code)?.[1]])
    const elsewhere = importing.filter(([name]) => !/^(keyring|fallback)[\\/]|^keyring\.rs$/.test(name ?? ''))
    expect(elsewhere.sort()).toEqual([...ALLOWED])
    expect(importing.map(([, crate]) => crate)).toEqual(expect.arrayContaining(['aes_gcm', 'aes', 'zbus']))
  })

  test('and files are not used by the stores that are built on them', () => {
    const thin = /^(tool_keys|token_storage|provider_keys)\.rs$|^extension_settings[\\/](?!tests|dotenv_tests)/
    const found = sources.filter(({ name }) => thin.test(name))
    expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining(['tool_keys.rs', 'token_storage.rs']))
    for (const { name, code } of found) {
      const [shipped = ''] = code.split('#[cfg(test)]')
      expect(
        shipped.match(/std::fs|\bFile::|OpenOptions|atomic::|keyring::|cipher|envelope::|node::|napi/),
        name,
      ).toBeNull()
      expect(shipped.split('\n').length, name).toBeLessThan(400)
    }
  })
})
