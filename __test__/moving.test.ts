// docs/moving.md: the code on the page is type-checked and run, and its audit is complete.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'

const page = readFileSync(path.join(ROOT, 'docs', 'moving.md'), 'utf8')

/** The rows of SPEC's table of what the stores did before. */
const ROWS = [
  'account name',
  'stored as',
  'availability test',
  'keyring fails',
  'files',
  'forced to files',
  'read of a corrupt file',
]

/** What a CLI does with the files of the page, in a home of its own. */
const SESSION = `
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync, existsSync } from 'node:fs'
import path from 'node:path'
import { SecureStore, SecureStoreError } from './core/src/storage/secure-store.js'
import { getProviderKeyStorage } from './core/src/storage/provider-key-storage.js'
import { getToolKeyStorage, getSupportedToolNames, maskKeyForDisplay } from './core/src/tools/tool-key-storage.js'
import { HybridTokenStorage } from './core/src/mcp/token-storage/hybrid-token-storage.js'
import { KeychainTokenStorage } from './core/src/mcp/token-storage/keychain-token-storage.js'
import { OAuthCredentialStorage } from './core/src/code_assist/oauth-credential-storage.js'
import { ExtensionSettingsStorage, getSettingsEnvFilePath } from './cli/src/config/extensions/settingsStorage.js'
import { legacyNotice } from './cli/src/ui/legacy-notice.js'

const home = process.env.HOME
await new SecureStore('s').set('k', 'v')
await assert.rejects(new SecureStore('s').get(''), SecureStoreError)
await getProviderKeyStorage().saveKey('openai', 'sk')
await getToolKeyStorage().saveKey(getSupportedToolNames()[0], 'sk-exa')
assert.equal(maskKeyForDisplay(await getToolKeyStorage().resolveKey('exa')), '******')

const tokens = new HybridTokenStorage()
await tokens.setCredentials({ serverName: 's', token: { accessToken: 'a', tokenType: 'Bearer' }, updatedAt: 0 })
assert.deepEqual(await new KeychainTokenStorage().listServers(), ['s'])
const google = new OAuthCredentialStorage()
assert.equal(await google.loadCredentials(), null)
await google.saveCredentials({ access_token: 'at', refresh_token: 'rt' })
const loaded = { access_token: 'at', refresh_token: 'rt', expiry_date: null, token_type: 'Bearer' }
assert.deepEqual(await google.loadCredentials(), loaded)
await google.clearCredentials()

const directory = path.join(home, 'extension')
const settings = [{ name: 'Team', envVar: 'TEAM' }, { name: 'Token', envVar: 'TOKEN', sensitive: true }]
const storage = new ExtensionSettingsStorage('extension', directory)
await storage.saveSettings(settings, { TEAM: 'a b', TOKEN: 'sk' })
assert.deepEqual(await storage.loadSettings(settings), { TEAM: 'a b', TOKEN: 'sk' })
assert.ok(existsSync(getSettingsEnvFilePath(directory)))

assert.deepEqual(await legacyNotice(), [])
mkdirSync(path.join(home, 'old', '.llxprt', 'tools'), { recursive: true })
writeFileSync(path.join(home, 'old', '.llxprt', 'tools', 'exa.key'), '')
assert.match((await legacyNotice(path.join(home, 'old')))[0], /^Re-save your key with \\/toolkey set/)
console.log('as it should be')
`

describe('R7A docs/moving.md', () => {
  const directory = newDirectory()
  const blocks = [...page.matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, name = '', code = '']) => ({
    name,
    code,
  }))

  beforeAll(() => {
    const scope = path.join(directory, 'node_modules', '@llxprt')
    mkdirSync(scope, { recursive: true })
    symlinkSync(ROOT, path.join(scope, 'securestore'))
    for (const { name, code } of blocks) {
      mkdirSync(path.dirname(path.join(directory, 'src', name)), { recursive: true })
      writeFileSync(path.join(directory, 'src', name), code)
    }
    writeFileSync(path.join(directory, 'package.json'), '{"type":"module"}')
    const { compilerOptions } = JSON.parse(readFileSync(path.join(ROOT, 'tsconfig.json'), 'utf8'))
    const options = {
      ...compilerOptions,
      module: 'node16',
      moduleResolution: 'node16',
      noEmit: false,
      rootDir: 'src',
      outDir: 'out',
      typeRoots: [path.join(ROOT, 'node_modules', '@types')],
    }
    writeFileSync(path.join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['src'] }))
  })

  test('has code in blocks that are files, all of them', () => {
    expect(blocks.length).toBe([...page.matchAll(/^```\w/gm)].length)
    expect(blocks.length).toBeGreaterThanOrEqual(8)
  })

  test('has code that has the right types, and works', () => {
    const tsc = path.join(ROOT, 'node_modules', '.bin', 'tsc')
    execFileSync(tsc, ['--project', directory], { encoding: 'utf8', stdio: ['ignore', 'inherit', 'inherit'] })
    writeFileSync(path.join(directory, 'out', 'session.js'), SESSION)
    const env = { ...process.env, HOME: newDirectory() }
    const output = execFileSync(process.execPath, [path.join(directory, 'out', 'session.js')], {
      encoding: 'utf8',
      env,
    })
    expect(output).toBe('as it should be\n')
  })

  test('says of each thing the stores did whether it is kept, or why it changed', () => {
    const tables = ['Keys of tools', 'Tokens of MCP servers', 'Settings of extensions'].map(
      (store) => new RegExp(`^### ${store}\n([\\s\\S]*?)(?=^##)`, 'm').exec(page)?.[1] ?? '',
    )
    for (const table of tables) {
      const rows = [...table.matchAll(/^- \*\*(.*)\*\*: ([\s\S]*?) →\s+([\s\S]*?)$(?=\n-|\n\n)/gm)]
      expect(rows.map(([, what]) => what)).toEqual(expect.arrayContaining(ROWS))
      for (const [row, , before, now] of rows) {
        if (before !== '–') expect(now, row).toMatch(/^kept|^changed[\s\S]*\sbecause\s|^changed, as for/)
      }
    }
  })
})
