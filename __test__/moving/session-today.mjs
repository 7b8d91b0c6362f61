// Uses the files of docs/moving.md as the CLI of today does, in a new home. Runs in the directory of the compiled files.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ExtensionSettingsStorage } from './packages/cli/src/config/extensions/settingsStorage.js'
import { keyCommand } from './packages/cli/src/ui/commands/keyCommand.js'
import { session } from './packages/cli/src/ui/contexts/RuntimeContext.js'
import { legacyNotice } from './packages/cli/src/ui/legacyNotice.js'
import { secureInputHandler } from './packages/cli/src/ui/utils/secureInputHandler.js'
import { getToolKeyStorage, ToolKeyStorage } from './packages/core/src/tools/tool-key-storage.js'
import { feedback } from './packages/core/src/utils/events.js'
import * as mcp from './packages/mcp/src/auth/token-storage/keychain-token-storage.js'
import { applied } from './packages/providers/src/runtime/providerMutations.js'
import { applyCliKey, applySessionKey } from './packages/providers/src/runtime/sessionKey.js'
import * as storage from './packages/storage/src/index.js'
import { observations } from './packages/storage/src/secure-store/keychain-grant-persistence.js'
import { observeKeyringReads } from './packages/storage/src/secure-store/keyring-observation.js'
import { resetOsKeyringSessionForTesting } from './packages/storage/src/secure-store/keyring-session-state.js'
import { resetMachineSecretCache } from './packages/storage/src/secure-store/machine-secret.js'

const home = process.env.HOME
const data = path.join(home, 'data')
const files = (...folder) => readdirSync(path.join(data, ...folder)).filter((name) => !name.startsWith('.'))

// Every store is below the CLI's data directory, which did not exist when the store was constructed.
const store = new storage.SecureStore('llxprt-code-oauth', { keyringLoader: undefined })
await store.set('gemini:default', '{}')
assert.deepEqual(files('secure-store', 'llxprt-code-oauth'), ['gemini%3Adefault.enc'])
assert.equal(store.isKeychainGrantPersistenceBroken(), false)
await assert.rejects(store.get(''), (error) => storage.isSecureStoreError(error) && error.code === 'CORRUPT')
assert.equal(storage.isRuntimeReplacedError({ code: 'RUNTIME_REPLACED' }), true)

assert.equal(storage.getProviderKeyStorage(), storage.getProviderKeyStorage())
await storage.getProviderKeyStorage().saveKey('work', 'sk-0123456789')
assert.deepEqual(files('provider-keys'), ['work.enc'])

const envelope = await storage.encryptEnvelopeString('text', 'service')
assert.equal(storage.readEnvelopeVersion(envelope), 2)
assert.equal(await storage.decryptEnvelopeString(envelope, 'service'), 'text')
assert.ok(storage.isValidEnvelope(JSON.parse(envelope)))
assert.ok(existsSync(path.join(data, 'machine_secret')))

resetOsKeyringSessionForTesting()
resetMachineSecretCache()
storage.setOsKeyringDisabledBySetting(false)

// Tool keys.
await getToolKeyStorage().saveKey('exa', 'exa-0123456789')
assert.equal(await getToolKeyStorage().resolveKey('exa'), 'exa-0123456789')
assert.deepEqual(files('tools'), ['exa.enc'])
assert.equal(await new ToolKeyStorage().deleteKey('exa'), undefined)
assert.equal(await getToolKeyStorage().getKey('exa'), null)
await getToolKeyStorage().saveKey('exa', 'exa-0123456789')
const otherTools = path.join(home, 'other-tools')
await new ToolKeyStorage({ toolsDir: otherTools }).saveKey('exa', 'exa-9876543210')
assert.ok(existsSync(path.join(otherTools, 'exa.enc')))
assert.equal(await getToolKeyStorage().getKey('exa'), 'exa-0123456789')

// Tokens of MCP servers; an entry that cannot be parsed is reported with its name.
const passwords = new Map([['broken', 'no JSON']])
mcp.setKeytarLoader(async () => ({
  default: {
    getPassword: async (_service, account) => passwords.get(account) ?? null,
    setPassword: async (_service, account, password) => void passwords.set(account, password),
    deletePassword: async (_service, account) => passwords.delete(account),
    findCredentials: async () => [...passwords].map(([account, password]) => ({ account, password })),
  },
}))
const tokens = new mcp.KeychainTokenStorage('llxprt-cli-mcp-oauth')
await tokens.setCredentials({ serverName: 's', token: { accessToken: 'a', tokenType: 'Bearer' }, updatedAt: 0 })
assert.deepEqual([...(await tokens.getAllCredentials()).keys()], ['s'])
assert.deepEqual(feedback, ['error: Failed to parse credentials for broken'])
assert.equal(await tokens.checkKeychainAvailability(), true)
mcp.setKeytarLoader(() => Promise.reject(new Error('no module')))
const withoutKeyring = new mcp.KeychainTokenStorage('no-keyring')
assert.deepEqual([await withoutKeyring.checkKeychainAvailability(), await withoutKeyring.isAvailable()], [false, true])
assert.equal(await withoutKeyring.getKeytar(), null)
mcp.setKeytarLoader(async () => ({ getPassword: async () => null }))
assert.notEqual(await tokens.getKeytar(), null)
mcp.resetKeytarLoader()

// Settings of extensions, in the service that the CLI names, and those of the former directory.
const directory = path.join(home, 'workspace', 'extension')
const settings = [
  { name: 'Team', envVar: 'TEAM' },
  { name: 'Token', envVar: 'TOKEN', sensitive: true },
]
process.chdir(home)
const former = path.join(home, '.llxprt', 'extensions', 'extension')
mkdirSync(former, { recursive: true })
writeFileSync(path.join(former, '.env'), 'TEAM=former\n')
const extension = new ExtensionSettingsStorage('extension', directory)
assert.equal((await extension.loadSettings(settings)).TEAM, 'former')
await extension.saveSettings(settings, { TEAM: 'blue', TOKEN: 'secret' })
assert.deepEqual({ ...(await extension.loadSettings(settings)) }, { TEAM: 'blue', TOKEN: 'secret' })
assert.deepEqual(files('secure-store', 'LLxprt Code Extension extension Workspace 0a1b2c3d'), ['TOKEN.enc'])

// The command.
const ephemeral = new Map()
const config = { setEphemeralSetting: (name, value) => void ephemeral.set(name, value) }
const context = { services: { config }, invocation: { raw: '/key load work' } }
assert.match((await keyCommand.action(context, 'load work')).content, /^Loaded key 'work'/)
assert.equal(session.apiKey, 'sk-0123456789')
assert.equal(ephemeral.get('auth-key-name'), 'work')
const saving = await keyCommand.action(context, 'save work sk-9876543210')
assert.deepEqual([saving.type, saving.prompt], ['confirm_action', "Key 'work' already exists. Overwrite?"])
const [, load] = keyCommand.schema
assert.deepEqual(await load.next[0].completer(context, 'w'), [{ value: 'work' }])
process.env.IN_SANDBOX = '1'
assert.match((await keyCommand.action(context, 'load work')).content, /^Loaded key 'work'/)
assert.equal((await keyCommand.action(context, 'save new sk-1')).messageType, 'error')
delete process.env.IN_SANDBOX
assert.equal(secureInputHandler.sanitizeForHistory('/key sk-0123456789'), '/key sk*********89')

// The key of a session.
const lines = []
await applySessionKey({ keyName: 'work' }, config, (line) => lines.push(line))
assert.deepEqual(applied, ['sk-0123456789'])
assert.deepEqual(lines, ["[auth] Using API key from: --key-name 'work' (keyring)"])
const settingsOf = (values) => ({ ...config, getEphemeralSetting: (name) => values[name] })
await applyCliKey({ key: 'ignored' }, { keyOverride: 'sk-flag' }, settingsOf({ 'auth-key-name': 'work' }), () => {})
await applyCliKey({ key: 'sk-argv' }, { keyOverride: null, keyNameOverride: 'work' }, settingsOf({}), () => {})
await applyCliKey({}, { keyNameOverride: 'work' }, settingsOf({ 'auth-key-name': 'nope' }), () => {})
await applyCliKey({}, undefined, settingsOf({ 'auth-key-name': 'work' }), () => {})
assert.deepEqual(applied.splice(1), ['sk-flag', 'sk-argv', 'sk-0123456789', 'sk-0123456789'])
const missing = applySessionKey({ keyName: 'nope' }, config, () => {})
await assert.rejects(missing, { exitCode: 41, message: /^Named key 'nope' not found/ })

// Only reads of the OS keyring are observations. The debug log gets every event.
const events = []
observeKeyringReads((event) => events.push(event.event))
await new storage.SecureStore('s', { keyringLoader: async () => null }).get('k')
assert.ok(events.includes('operation'))
assert.deepEqual(observations, [])

// Legacy files.
assert.deepEqual(await legacyNotice(), [])
writeFileSync(path.join(data, 'tools', 'exa.key'), '00:11:22')
assert.match((await legacyNotice())[0], /^Re-save your key with \/toolkey set/)
console.log('done')
