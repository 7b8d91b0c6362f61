// Uses the files of docs/moving.md as the CLI of February does, in a new home. Runs in the directory of the compiled files.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ExtensionSettingsStorage, getSettingsEnvFilePath } from './cli/src/config/extensions/settingsStorage.js'
import { legacyNotice } from './cli/src/ui/legacy-notice.js'
import { OAuthCredentialStorage } from './core/src/code_assist/oauth-credential-storage.js'
import { HybridTokenStorage } from './core/src/mcp/token-storage/hybrid-token-storage.js'
import { KeychainTokenStorage } from './core/src/mcp/token-storage/keychain-token-storage.js'
import { getProviderKeyStorage } from './core/src/storage/provider-key-storage.js'
import { SecureStore, SecureStoreError } from './core/src/storage/secure-store.js'
import { getSupportedToolNames, getToolKeyStorage, maskKeyForDisplay } from './core/src/tools/tool-key-storage.js'

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
const settings = [
  { name: 'Team', envVar: 'TEAM' },
  { name: 'Token', envVar: 'TOKEN', sensitive: true },
]
const storage = new ExtensionSettingsStorage('extension', directory)
await storage.saveSettings(settings, { TEAM: 'a b', TOKEN: 'sk' })
assert.deepEqual(await storage.loadSettings(settings), { TEAM: 'a b', TOKEN: 'sk' })
assert.ok(existsSync(getSettingsEnvFilePath(directory)))

assert.deepEqual(await legacyNotice(), [])
mkdirSync(path.join(home, 'old', '.llxprt', 'tools'), { recursive: true })
writeFileSync(path.join(home, 'old', '.llxprt', 'tools', 'exa.key'), '')
assert.match((await legacyNotice(path.join(home, 'old')))[0], /^Re-save your key with \/toolkey set/)
console.log('done')
