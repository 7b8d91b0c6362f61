/**
 * What went wrong (R6):
 *
 * - `UNAVAILABLE`: no backend to ask
 * - `LOCKED`: the keyring is there, but locked
 * - `DENIED`: access refused, or the user dismissed the prompt
 * - `CORRUPT`: stored data, or the name of a key, failed validation
 * - `TIMEOUT`: no answer in time
 * - `NOT_FOUND`: no such key
 */
export type SecureStoreErrorCode = 'UNAVAILABLE' | 'LOCKED' | 'DENIED' | 'CORRUPT' | 'TIMEOUT' | 'NOT_FOUND'

/**
 * A failed storage operation. Every rejected promise and every throw that concerns storage is one; a wrong argument type
 * or option value is a `TypeError`. Neither ever holds a secret.
 */
export class SecureStoreError extends Error {
  constructor(message: string, code: SecureStoreErrorCode, remediation: string)
  /** `'SecureStoreError'`. */
  readonly name: string
  /** Which kind of failure it is. */
  readonly code: SecureStoreErrorCode
  /** What a person can do about it, in a sentence. */
  readonly remediation: string
}

/**
 * A keyring, as the `keytar` package shaped it. Its methods are called as methods (`this` is the adapter).
 *
 * A rejection means what it says: a {@link SecureStoreError} keeps its code, of any other error the message decides
 * (such as `locked`, `denied`, `timed out`, `not found`), and the rest is `UNAVAILABLE`.
 */
export interface KeyringAdapter {
  /** The password of an account, `null` when there is none. */
  getPassword(service: string, account: string): Promise<string | null>
  /** Stores or replaces the password of an account. */
  setPassword(service: string, account: string, password: string): Promise<void>
  /** Removes an account; `false` when there was none. */
  deletePassword(service: string, account: string): Promise<boolean>
  /** All accounts of a service, `[]` when there are none. An adapter without it contributes nothing to `list()`. */
  findCredentials?(service: string): Promise<Array<{ account: string; password: string }>>
}

/** Gives the keyring a store uses. `null`, and a loader that throws, mean "no keyring". */
export type KeyringLoader = () => Promise<KeyringAdapter | null>

/** How a {@link SecureStore} is set up. */
export interface SecureStoreOptions {
  /**
   * The directory of the encrypted files; a relative one is resolved when the store is constructed.
   * Default: `~/.llxprt/secure-store/<serviceName>`. Created, with mode 0700, by the first write that needs it.
   */
  fallbackDir?: string
  /**
   * What happens when the keyring is unavailable or refuses: `'allow'` uses the encrypted files, `'deny'` rejects with the
   * keyring's own code and writes nothing (R4.2). Default: `'allow'`.
   */
  fallbackPolicy?: 'allow' | 'deny'
  /**
   * Gives the keyring in place of the operating system's (R1.3). Called at most once per store, at its first use.
   * It may be asked for a keyring even where `LLXPRT_DISABLE_OS_KEYRING=1` switches off the operating system's.
   */
  keytarLoader?: KeyringLoader
  /** The newer name of {@link SecureStoreOptions.keytarLoader}; it counts when both are given. */
  keyringLoader?: KeyringLoader
  /**
   * Gives the machine secret, 32 bytes, that version-2 files are sealed with; `null` when it has none. Where this or
   * {@link SecureStoreOptions.machineSecretPath} is given, files are written in version 2; they are read in any case. Looked
   * for in this order: here, in the keyring (service `llxprt-code-machine-secret`, account `default`), in the file.
   */
  machineSecretLoader?: () => Promise<Uint8Array | null>
  /**
   * The file that holds the machine secret in base64, mode 0600. Default: `~/.llxprt/machine_secret`. The first write in
   * version 2 makes a secret there when there is none anywhere; a read never does.
   */
  machineSecretPath?: string
  /** How long one keyring call may take, in milliseconds, before it ends as `TIMEOUT`. Greater than 0; default 30 000. */
  keyringTimeoutMs?: number
}

/**
 * A store of secrets: in the keyring first, in an encrypted file second.
 *
 * Keys are not empty, hold no `/`, `\` or NUL, are not `.` or `..`, and their file names fit the file system; any other
 * rejects with `CORRUPT` before anything is touched. Values are any well-formed text; one with an unpaired surrogate
 * rejects with `CORRUPT`.
 */
export class SecureStore {
  /**
   * Touches neither keyring nor files.
   *
   * @throws TypeError for a service name that is no text or empty, and for options of a wrong type or value.
   */
  constructor(serviceName: string, options?: SecureStoreOptions)

  /**
   * Stores a value (R3.1). When it resolves the value is in the keyring, or on disk. Changes to one key happen in the
   * order they were called.
   *
   * Rejects with the keyring's own code under `'deny'`, else with what kept the file from being written: `DENIED`,
   * `UNAVAILABLE`.
   */
  set(key: string, value: string): Promise<void>

  /**
   * The value of a key (R3.2–3.5); `null` when there is none.
   *
   * Rejects with the keyring's own error when it failed and there is no file: the value may well be behind it. Rejects
   * with `CORRUPT` when the file cannot be read back, as one from another machine.
   */
  get(key: string): Promise<string | null>

  /**
   * Removes a key from keyring and files (R3.6); `true` if either held it.
   *
   * Rejects with the keyring's own error when it failed, after the file was removed: a secret that may still be there
   * must not look deleted.
   */
  delete(key: string): Promise<boolean>

  /**
   * The keys in keyring and files, sorted, without duplicates (R3.7); `[]` when there are none.
   *
   * A source that fails is left out; rejects when no source could be read.
   */
  list(): Promise<string[]>

  /**
   * Whether keyring or files hold the key (R3.8); `false` only when it is known that neither does.
   *
   * Rejects with the keyring's own error when it failed and there is no file, with `CORRUPT` for a malformed file.
   */
  has(key: string): Promise<boolean>

  /**
   * Whether the keyring works: a throw-away value was written, read back and deleted (R2). Never rejects. The answer is
   * kept for 60 seconds; a timeout is not kept.
   */
  isKeychainAvailable(): Promise<boolean>
}

/**
 * The operating system's keyring as an adapter; `null` where there is none, or `LLXPRT_DISABLE_OS_KEYRING=1`.
 * A keyring that is merely locked is there. The adapter's methods reject with {@link SecureStoreError}.
 */
export function createDefaultKeyringAdapter(): Promise<Required<KeyringAdapter> | null>

/**
 * Named API keys of providers (R9–R11): service `llxprt-code-provider-keys`, files in `~/.llxprt/provider-keys`.
 *
 * Names match {@link KEY_NAME_REGEX}, otherwise a call rejects with `CORRUPT`; case matters. On Windows two names that
 * differ only in case may share an entry.
 */
export class ProviderKeyStorage {
  /** @throws TypeError when `secureStore` is given and is no {@link SecureStore}. */
  constructor(options?: { secureStore?: SecureStore })
  /**
   * Stores a key, without the white space (or byte-order mark) around it. A key that is then empty rejects with
   * `CORRUPT` and `API key value cannot be empty.`
   */
  saveKey(name: string, apiKey: string): Promise<void>
  /** The key of that name, `null` when there is none. Rejects as {@link SecureStore.get}. */
  getKey(name: string): Promise<string | null>
  /** Removes a key; `false` when there was none. Rejects as {@link SecureStore.delete}. */
  deleteKey(name: string): Promise<boolean>
  /** The names, sorted, without duplicates; `[]` when there are none. Rejects as {@link SecureStore.list}. */
  listKeys(): Promise<string[]>
  /** Whether there is a key of that name. Rejects as {@link SecureStore.has}. */
  hasKey(name: string): Promise<boolean>
}

/** The one {@link ProviderKeyStorage} of this process (of this worker, in a worker thread), made at the first call. */
export function getProviderKeyStorage(): ProviderKeyStorage

/** Forgets it: the next {@link getProviderKeyStorage} makes a new one, which reads the environment anew. */
export function resetProviderKeyStorage(): void

/** What the name of a provider key looks like: `/^[a-zA-Z0-9._-]{1,64}$/`. */
export const KEY_NAME_REGEX: RegExp

/**
 * Checks the name of a provider key.
 *
 * @throws SecureStoreError with code `CORRUPT`; its message says what a name may be.
 */
export function validateKeyName(name: string): void

/**
 * A key for display: up to 8 characters as that many `*`; of a longer one the first two and the last two characters
 * show, with a `*` for each in between. Characters are Unicode code points.
 */
export function maskKeyForDisplay(key: string): string

/** A tool that takes an API key. */
export interface ToolKeyRegistryEntry {
  /** Its name, as {@link ToolKeyStorage} takes it. */
  readonly toolKeyName: string
  /** Its name for people. */
  readonly displayName: string
  /** The URL parameter that carries the key. */
  readonly urlParamName: string
  /** What the key is for. */
  readonly description: string
}

/** The tools that take an API key, by name: `exa`. */
export const TOOL_KEY_REGISTRY: ReadonlyMap<string, ToolKeyRegistryEntry>

/** Whether there is a tool of that name. Case matters. */
export function isValidToolKeyName(toolName: string): boolean

/** What is known of a tool; `undefined` when there is none of that name. */
export function getToolKeyEntry(toolName: string): ToolKeyRegistryEntry | undefined

/** The names of all tools. */
export function getSupportedToolNames(): string[]

/** How a {@link ToolKeyStorage} is set up. */
export interface ToolKeyStorageOptions {
  /**
   * The directory of the encrypted files and of `keyfiles.json`; a relative one is resolved when the storage is
   * constructed. Default: `~/.llxprt/tools`. Created, with mode 0700, by the first write that needs it.
   */
  toolsDir?: string
  /** As {@link SecureStoreOptions.keytarLoader}. */
  keytarLoader?: KeyringLoader
  /** As {@link SecureStoreOptions.keyringLoader}. */
  keyringLoader?: KeyringLoader
}

/**
 * API keys of tools (R7): service `llxprt-code-tool-keys`, and the files that may hold a key instead.
 *
 * Every method rejects with `CORRUPT` for a tool that is not in {@link TOOL_KEY_REGISTRY}, before anything is touched:
 * `Invalid tool key name: "<tool>". Supported names: exa`.
 */
export class ToolKeyStorage {
  /** @throws TypeError for options of a wrong type or value. */
  constructor(options?: ToolKeyStorageOptions)
  /** Stores a tool's key, as it is. Rejects as {@link SecureStore.set}. */
  saveKey(toolName: string, apiKey: string): Promise<void>
  /** The stored key of a tool, `null` when there is none. Rejects as {@link SecureStore.get}. */
  getKey(toolName: string): Promise<string | null>
  /** Removes the stored key of a tool; `false` when there was none. Rejects as {@link SecureStore.delete}. */
  deleteKey(toolName: string): Promise<boolean>
  /** Whether there is a stored key of a tool. Rejects as {@link SecureStore.has}. */
  hasKey(toolName: string): Promise<boolean>
  /**
   * The key a tool is to use: the stored one, else the first line of its key file, trimmed, read anew each time; `null`
   * when there is neither. A key file that is missing or empty is none; `~` at the start of its path is the home directory,
   * and a relative one is resolved against the directory the process is in at that moment.
   *
   * A stored key that cannot be read gives way to a key file; without a key in one, its error is what this rejects with.
   * Rejects, too, for a key file that cannot be read: `DENIED`, `UNAVAILABLE` (also for what is no regular file), `CORRUPT`
   * (no UTF-8, or more than 1 MiB).
   */
  resolveKey(toolName: string): Promise<string | null>
  /**
   * Remembers the path of a tool's key file, as it is given, in `toolsDir/keyfiles.json`. The file itself need not exist.
   * Rejects with `CORRUPT` for an empty path, and when `keyfiles.json` is no JSON map: it is then left as it is.
   */
  setKeyfilePath(toolName: string, path: string): Promise<void>
  /** The path of a tool's key file, as it was given; `null` when there is none. Rejects as {@link setKeyfilePath}. */
  getKeyfilePath(toolName: string): Promise<string | null>
  /** Forgets the path of a tool's key file; there need not be one. The key file stays. Rejects as {@link setKeyfilePath}. */
  clearKeyfilePath(toolName: string): Promise<void>
}

/** The one {@link ToolKeyStorage} of this process (of this worker, in a worker thread), made at the first call. */
export function getToolKeyStorage(): ToolKeyStorage

/** An OAuth token. */
export interface OAuthToken {
  accessToken: string
  refreshToken?: string
  /** When it ends, in milliseconds since 1970. */
  expiresAt?: number
  /** Such as `Bearer`. */
  tokenType: string
  scope?: string
}

/** The OAuth credentials of an MCP server. Other fields, here and in the token, are stored and come back as they are. */
export interface OAuthCredentials {
  serverName: string
  token: OAuthToken
  clientId?: string
  tokenUrl?: string
  mcpServerUrl?: string
  /** When they were stored, in milliseconds since 1970. */
  updatedAt: number
}

/**
 * OAuth credentials of MCP servers (R7), in the keyring or in encrypted files, one for each server. With
 * `LLXPRT_FORCE_FILE_STORAGE=true` in the environment when it is constructed they are in the files alone.
 *
 * The account is the server's name with `_` in place of each character outside `a-zA-Z0-9-_.`; servers whose accounts are
 * the same share their credentials. A server without a name, and one named `.` or `..`, rejects with `CORRUPT`.
 */
export class KeychainTokenStorage {
  /**
   * Touches neither keyring nor files. The service is `llxprt-cli-mcp-oauth` unless another is named; the options are
   * those of {@link SecureStore}, with the same defaults.
   *
   * @throws TypeError for a service name that is no text or empty, and for options of a wrong type or value.
   */
  constructor(serviceName?: string, options?: SecureStoreOptions)
  /**
   * The credentials of a server, also expired ones; `null` when there are none.
   *
   * Rejects with `CORRUPT` and `Failed to parse stored credentials for <server>` when what is stored is none; else as
   * {@link SecureStore.get}.
   */
  getCredentials(serverName: string): Promise<OAuthCredentials | null>
  /**
   * Stores credentials for the server they name, with `updatedAt` set to now. The object itself is not changed.
   *
   * Rejects with `CORRUPT` and `Server name is required`, `Token is required`, `Access token is required` or
   * `Token type is required`, before anything is touched; else as {@link SecureStore.set}.
   */
  setCredentials(credentials: Omit<OAuthCredentials, 'updatedAt'> & { updatedAt?: number }): Promise<void>
  /**
   * Removes the credentials of a server. Rejects with `NOT_FOUND` and `No credentials found for <server>` when there are
   * none; else as {@link SecureStore.delete}.
   */
  deleteCredentials(serverName: string): Promise<void>
  /** The accounts there are, sorted; `[]` when there are none. Rejects as {@link SecureStore.list}. */
  listServers(): Promise<string[]>
  /**
   * The credentials of all accounts, by the names of {@link listServers}; an empty map when there are none. What is stored
   * and cannot be decrypted or parsed is left out, and reported in the log. Rejects where it cannot be told what there is:
   * a locked keyring is not one without credentials.
   */
  getAllCredentials(): Promise<Map<string, OAuthCredentials>>
  /**
   * Removes all credentials. One that cannot be removed stops none of the others; it then rejects with
   * `Failed to clear some credentials: …` and the code of the first failure.
   */
  clearAll(): Promise<void>
  /**
   * Whether credentials can be kept: in encrypted files, where the policy allows them and their directory can be read (or
   * is not there yet), else in a keyring that works ({@link SecureStore.isKeychainAvailable}). Never rejects.
   */
  isAvailable(): Promise<boolean>
}

/** A setting, as an extension declares it. */
export interface ExtensionSetting {
  /** Its name for people. */
  name: string
  /** The environment variable that carries it: letters, digits and underscores, no digit first. */
  envVar: string
  /** Whether its value is a secret. Default: false. */
  sensitive?: boolean
}

/**
 * The settings of an extension (R7): sensitive ones in the keyring or in encrypted files, the others in plain text in
 * `<extensionDir>/.env`, mode 0600. What is saved is what is loaded, whatever characters it holds but NUL.
 *
 * The service is `LLxprt Code Extension <name>`, with the extension's name reduced to `a-zA-Z0-9-_` and the whole cut at
 * 255 characters; extensions whose services are the same share them. Every method rejects with `CORRUPT`, before
 * anything changes, for an `envVar` that is no variable's name, and for one declared both sensitive and not.
 */
export class ExtensionSettingsStorage {
  /**
   * Touches neither keyring nor files. The options are those of {@link SecureStore}, with the same defaults.
   *
   * @throws TypeError for a name or a directory that is no text, an empty directory, and options of a wrong type or value.
   */
  constructor(extensionName: string, extensionDir: string, options?: SecureStoreOptions)
  /**
   * Makes the values, by `envVar`, those of the settings: a setting without one is removed. Values of other names are
   * ignored, and so are other lines of the `.env` file (comments, other variables): they stay. A sensitive setting that
   * stood in the file leaves it.
   *
   * Rejects with `CORRUPT`, before anything changes, for a value with a NUL character and for a file that could not be
   * read back. What cannot be stored stops nothing else, and is what it rejects with in the end.
   */
  saveSettings(settings: ExtensionSetting[], values: Record<string, string | undefined>): Promise<void>
  /**
   * The values of the settings, by `envVar`; a setting that has none is left out. Rejects as {@link SecureStore.get} when
   * a sensitive one may be there and cannot be read.
   */
  loadSettings(settings: ExtensionSetting[]): Promise<Record<string, string | undefined>>
  /**
   * Removes the values of the settings; without any given, all that the extension has: its `.env` file, and everything
   * stored for it. What is not there is no error. Rejects as {@link SecureStore.delete}, after the rest is removed.
   */
  deleteSettings(settings?: ExtensionSetting[]): Promise<void>
  /** Whether any of the settings has a value; without any given, whether the extension has anything at all. */
  hasSettings(settings?: ExtensionSetting[]): Promise<boolean>
}

/** Data of an older program that nothing reads any more (R7C). */
export interface LegacyData {
  /** The file. */
  path: string
  /** What is in it: the encrypted key of a tool, or the credentials of all MCP servers. */
  kind: 'tool-key' | 'mcp-oauth-tokens'
  /**
   * For the user: the remedy first (`Re-save your key with /toolkey set …`, `Re-authenticate with /auth login for MCP
   * servers …`), then why.
   */
  message: string
}

/**
 * The old files `~/.llxprt/tools/*.key` and `~/.llxprt/mcp-oauth-tokens-v2.json`; `[]` when there are none. They are looked
 * for by name, and neither read nor moved nor deleted. Rejects with `DENIED` or `UNAVAILABLE` when that cannot be done.
 */
export function findLegacyData(options?: {
  /** The home directory. Default: the user's. */
  homeDir?: string
}): Promise<LegacyData[]>
