// The key of a session in a host (hosts/): it parses the command line, and applies the key later.

import { ProviderKeyStorage, SecureStore } from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { parseBootstrapArgs } from './hosts/bootstrap'
import { applyCliArgumentOverrides, type Host, runNonInteractive, Session } from './hosts/runtime'
import { FakeKeyring, newDirectory } from './support/helpers'

const SERVICE = 'llxprt-code-provider-keys'

/** Saves one key in a keyring that records its calls. */
function savedKeys() {
  const keyring = new FakeKeyring()
  keyring.entries.set(`${SERVICE}/anthropic`, 'MARK-named')
  const secureStore = new SecureStore(SERVICE, { fallbackDir: newDirectory(), keytarLoader: keyring.loader })
  return { keyring, storage: new ProviderKeyStorage({ secureStore }) }
}

describe('a host', () => {
  const profiles = { work: { 'base-url': 'https://example.test', 'auth-key': 'MARK-profile' } }

  test('R21.3 parses the flags without calling the storage', () => {
    const { keyring } = savedKeys()
    const log: string[] = []
    const argv = ['--profile-load', 'work', '--key', 'MARK-flag', '--key-name=anthropic']
    expect(parseBootstrapArgs(argv, (line) => log.push(line))).toEqual({
      args: { keyOverride: 'MARK-flag', keyNameOverride: 'anthropic', keyfileOverride: null, profileName: 'work' },
      metadata: { source: 'cli.bootstrap', argumentCount: 5 },
    })
    expect(log).toEqual(['bootstrap: keyOverride, keyNameOverride given'])
    expect(keyring.calls).toEqual([])
  })

  test('R21 R22 sets the key of the session, and stores its name and not the key', async () => {
    const session = new Session()
    const host: Host = { profiles, env: { GEMINI_API_KEY: 'MARK-environment' }, storage: savedKeys().storage }
    const bootstrap = parseBootstrapArgs(['--profile-load', 'work', '--key-name', 'anthropic'], session.debug)
    await applyCliArgumentOverrides(session, bootstrap, host)
    expect(session.apiKey).toBe('MARK-named')
    // The key of the profile is removed, and its other settings are kept.
    expect(Object.fromEntries(session.settings)).toEqual({
      'base-url': 'https://example.test',
      'auth-key-name': 'anthropic',
    })
    expect(session.log).toEqual([
      'bootstrap: keyNameOverride given',
      "[auth] Using API key from: --key-name 'anthropic' (keyring)",
      '[auth] Ignoring profile auth-key (overridden by --key-name)',
      '[auth] Ignoring environment variable GEMINI_API_KEY (overridden by --key-name)',
    ])
    expect(JSON.stringify([...session.settings, ...session.log])).not.toContain('MARK')
  })

  test.each([
    [
      ['--key-name', 'gone'],
      /^Named key 'gone' not found\. Use '\/key save gone <key>' to store it\.\nSave the key first\n$/,
    ],
    [['--keyfile', '/gone'], /^Cannot read the key file \/gone: there is no such file\n/],
    [['--key-name'], /^--key-name requires a value\n/],
  ])('R24.2 that is non-interactive exits with 41 for %j, and has no key', async (args, stderr) => {
    const session = new Session()
    const host: Host = { profiles, env: { GEMINI_API_KEY: 'MARK-environment' }, storage: savedKeys().storage }
    const ended = await runNonInteractive(session, ['--profile-load', 'work', ...args], host)
    expect(ended).toEqual({ exitCode: 41, stderr: expect.stringMatching(stderr) })
    expect(session.apiKey).toBeNull()
    expect(JSON.stringify([ended, session.log])).not.toContain('MARK')
  })

  test('R26 without key flags uses the environment and the profile as before', async () => {
    const host: Host = { profiles, env: { GOOGLE_API_KEY: 'MARK-google' } }
    const plain = new Session()
    expect(await runNonInteractive(plain, ['hello'], host)).toEqual({ exitCode: 0, stderr: '' })
    expect([plain.apiKey, plain.settings.size]).toEqual(['MARK-google', 0])
    const profiled = new Session()
    await runNonInteractive(profiled, ['--profile-load', 'work'], host)
    expect([profiled.apiKey, profiled.settings.get('auth-key')]).toEqual(['MARK-profile', 'MARK-profile'])
  })
})
