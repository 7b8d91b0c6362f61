// Stand-ins for the modules of the CLI that the files of docs/moving.md import.

/** The data directory is `~/data`, even if it does not exist. */
const STORAGE = `
import os from 'node:os'
import path from 'node:path'

export class Storage {
  static getGlobalDataDir(): string {
    return path.join(os.homedir(), 'data')
  }
  static getMachineSecretPath(): string {
    return path.join(Storage.getGlobalDataDir(), 'machine_secret')
  }
}
`

const STORAGE_INDEX = `
export { Storage } from './config/storage.js'
export { createDefaultKeyringAdapter, SecureStore, SecureStoreError } from './secure-store/secure-store.js'
export type { KeyringAdapter, SecureStoreErrorCode, SecureStoreOptions } from './secure-store/secure-store.js'
export { isRuntimeReplacedError, isSecureStoreError } from './secure-store/secure-store-errors.js'
export { setOsKeyringDisabledBySetting } from './secure-store/keyring-session-state.js'
export { isKeychainGrantPersistenceBroken } from './secure-store/keychain-grant-persistence.js'
export {
  getProviderKeyStorage,
  KEY_NAME_REGEX,
  ProviderKeyStorage,
  resetProviderKeyStorage,
  validateKeyName,
} from './secure-store/provider-key-storage.js'
export type { ProviderKeyStorageLike } from './secure-store/provider-key-storage.js'
export {
  decryptEnvelopeString,
  encryptEnvelopeString,
  EnvelopeCodecError,
  readEnvelopeVersion,
} from './secure-store/envelope-codec.js'
export { isValidEnvelope } from './secure-store/envelope.js'
export * from './secure-store/credential-classes.js'
`

const GRANTS = `
export interface KeyringReadObservation {
  readonly credentialKey: string
  readonly startedAt: number
  readonly endedAt: number
}

export const observations: KeyringReadObservation[] = []

export function recordAuthorizedKeyringRead(observation: KeyringReadObservation): void {
  observations.push(observation)
}

export function isKeychainGrantPersistenceBroken(): boolean {
  return false
}
`

const FEEDBACK = `
export const feedback: string[] = []

export const coreEvents = {
  emitFeedback(severity: 'info' | 'warning' | 'error', message: string, _error?: unknown): void {
    feedback.push(severity + ': ' + message)
  },
}
`

const ERRORS = `
export class FatalAuthenticationError extends Error {
  readonly exitCode = 41
}
`

const SERVICE_NAME = `
import path from 'node:path'

export function getSettingsEnvFilePath(extensionDir: string): string {
  return path.join(extensionDir, '.env')
}

export function getKeychainServiceName(extensionName: string, extensionDir?: string): string {
  const scope = extensionDir?.includes('workspace') ? ' Workspace 0a1b2c3d' : ''
  return 'LLxprt Code Extension ' + extensionName + scope
}
`

const COMMAND_TYPES = `
import type { CommandArgumentSchema } from './schema/types.js'

export interface CommandContext {
  invocation?: { raw: string }
  overwriteConfirmed?: boolean
  services: {
    config: {
      isInteractive?(): boolean
      setEphemeralSetting(name: string, value: unknown): void
    } | null
  }
}

export type SlashCommandActionReturn =
  | { type: 'message'; messageType: 'info' | 'error'; content: string }
  | { type: 'confirm_action'; prompt: string; originalInvocation: { raw: string } }
  | { type: 'quit' }

export enum CommandKind {
  BUILT_IN = 'built-in',
}

export interface SlashCommand {
  name: string
  description: string
  kind: CommandKind
  schema?: CommandArgumentSchema
  action?: (context: CommandContext, args: string) => void | Promise<void | SlashCommandActionReturn>
}
`

const SCHEMA_TYPES = `
import type { CommandContext } from '../types.js'

export interface Option {
  readonly value: string
  readonly description?: string
}

export interface LiteralArgument {
  readonly kind: 'literal'
  readonly value: string
  readonly description?: string
  readonly next?: CommandArgumentSchema
}

export interface ValueArgument {
  readonly kind: 'value'
  readonly name: string
  readonly description?: string
  readonly completer?: (context: CommandContext, partial: string) => Promise<readonly Option[]>
  readonly hint?: string
  readonly next?: CommandArgumentSchema
}

export type CommandArgumentSchema = ReadonlyArray<LiteralArgument | ValueArgument>
`

const RUNTIME = `
export const session: { apiKey: string | null } = { apiKey: null }

export function getRuntimeApi() {
  return {
    async updateActiveProviderApiKey(apiKey: string | null): Promise<{ message: string }> {
      session.apiKey = apiKey
      return { message: apiKey === null ? 'API key removed' : 'API key updated' }
    },
    getActiveProviderStatus: (): { providerName: string | null } => ({ providerName: 'openai' }),
  }
}
`

/** Inside a sandbox, the storage is a proxy of the host's. */
const PROVIDERS_AUTH = `
import { getProviderKeyStorage, type ProviderKeyStorageLike } from '@vybestack/llxprt-code-storage'

const host = () => getProviderKeyStorage()
const refused = (): Promise<never> => Promise.reject(new Error('API key management is not available in sandbox mode'))

const proxy: ProviderKeyStorageLike = {
  saveKey: refused,
  deleteKey: refused,
  getKey: (name) => host().getKey(name),
  listKeys: () => host().listKeys(),
  hasKey: (name) => host().hasKey(name),
}

export function createProviderKeyStorage(): ProviderKeyStorageLike {
  return process.env.IN_SANDBOX ? proxy : host()
}
`

const PROVIDER_MUTATIONS = `
export const applied: string[] = []

export async function updateActiveProviderApiKey(apiKey: string): Promise<void> {
  applied.push(apiKey)
}
`

/** The modules by their path. */
export const MODULES: Record<string, string> = {
  'packages/storage/src/config/storage.ts': STORAGE,
  'packages/storage/src/index.ts': STORAGE_INDEX,
  'packages/storage/src/secure-store/keychain-grant-persistence.ts': GRANTS,
  'packages/core/src/utils/events.ts': FEEDBACK,
  'packages/core/src/utils/errors.ts': ERRORS,
  'packages/cli/src/config/extensions/extensionServiceName.ts': SERVICE_NAME,
  'packages/cli/src/ui/commands/types.ts': COMMAND_TYPES,
  'packages/cli/src/ui/commands/schema/types.ts': SCHEMA_TYPES,
  'packages/cli/src/ui/contexts/RuntimeContext.ts': RUNTIME,
  'packages/providers/src/auth/index.ts': PROVIDERS_AUTH,
  'packages/providers/src/runtime/providerMutations.ts': PROVIDER_MUTATIONS,
}

/** The packages by the names that other packages import. */
export const PACKAGES: Record<string, string> = {
  '@vybestack/llxprt-code-storage': 'packages/storage/src/index',
  '@vybestack/llxprt-code-core/utils/events.js': 'packages/core/src/utils/events',
  '@vybestack/llxprt-code-core/utils/errors.js': 'packages/core/src/utils/errors',
  '@vybestack/llxprt-code-providers/auth.js': 'packages/providers/src/auth/index',
}
