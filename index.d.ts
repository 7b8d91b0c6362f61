/**
 * Keeps API keys and tokens in the operating system's keyring, or in encrypted files where there is none.
 *
 * Files are encrypted with AES-256-GCM (NIST SP 800-38D) under a key that scrypt (RFC 7914) derives. On Linux and the BSDs
 * the keyring is the Secret Service (freedesktop.org Secret Service API 0.2), on macOS the Keychain, on Windows the
 * Credential Manager.
 *
 * @packageDocumentation
 */

/**
 * What went wrong:
 *
 * - `UNAVAILABLE`: there is no keyring, or the file system or the keyring failed
 * - `LOCKED`: the keyring is locked
 * - `DENIED`: access was refused, or the user dismissed the prompt
 * - `CORRUPT`: stored data, or the name of a key, is invalid
 * - `TIMEOUT`: no answer in time
 * - `NOT_FOUND`: there is no such key
 * - `CONFLICT`: another program wrote the same entry at the same moment
 * - `RUNTIME_REPLACED`: the file of the running program was deleted, as by an upgrade; restart the program
 *
 * `CONFLICT` and `RUNTIME_REPLACED` are never absorbed: no call falls back to a file, or returns `null`, because of them.
 */
export type SecureStoreErrorCode =
  | 'UNAVAILABLE'
  | 'LOCKED'
  | 'DENIED'
  | 'CORRUPT'
  | 'TIMEOUT'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'RUNTIME_REPLACED'

/**
 * A failed storage operation. Every rejection and every throw that concerns storage is one. A wrong argument type or
 * option value is a `TypeError`. Neither ever holds a secret.
 */
export class SecureStoreError extends Error {
  /** Creates an error. `remediation` says what a person can do about it. */
  constructor(message: string, code: SecureStoreErrorCode, remediation: string)
  /** `'SecureStoreError'`. */
  readonly name: string
  /** Which kind of failure it is. */
  readonly code: SecureStoreErrorCode
  /** What a person can do about it, in a sentence. */
  readonly remediation: string
  /**
   * The exit code for non-interactive runs. Only the errors of {@link resolveApiKey} and {@link parseKeyArgs} have it:
   * without the key it was told to use, a session cannot continue.
   */
  readonly exitCode?: 41
}

/** Returns whether a value is a {@link SecureStoreError} of this module, or of a subclass. */
export function isSecureStoreError(error: unknown): error is SecureStoreError

/**
 * Returns whether a value is an object whose `code` is `RUNTIME_REPLACED`, whatever its class: errors of another copy of
 * this module count.
 */
export function isRuntimeReplacedError(error: unknown): boolean

/**
 * A keyring, in the shape of the `keytar` package. Its methods are called as methods (`this` is the adapter).
 *
 * A rejection with a {@link SecureStoreError} keeps its code. Of any other error the message decides (such as `locked`,
 * `denied`, `timed out`, `not found`); the rest is `UNAVAILABLE`.
 */
export interface KeyringAdapter {
  /** Resolves to the password of an account, `null` when there is none. */
  getPassword(service: string, account: string): Promise<string | null>
  /** Stores or replaces the password of an account. */
  setPassword(service: string, account: string, password: string): Promise<void>
  /** Removes an account. Resolves to `false` when there was none. */
  deletePassword(service: string, account: string): Promise<boolean>
  /** Resolves to all accounts of a service, `[]` when there are none. An adapter without it contributes nothing to `list()`. */
  findCredentials?(service: string): Promise<Array<{ account: string; password: string }>>
}

/** The former name of {@link KeyringAdapter}. */
export type KeytarAdapter = KeyringAdapter

/** Resolves to the keyring that a store uses. `null`, and a loader that throws, mean that there is no keyring. */
export type KeyringLoader = () => Promise<KeyringAdapter | null>

/**
 * A logger of the host. Each event of a store becomes one call with a line of text, such as
 * `operation: operation=get service=tokens key=ba7816bf outcome=ok`. It holds no secret, and keys only as fingerprints.
 * What a logger throws is ignored.
 */
export interface StorageLogger {
  /** Takes a message of the level `debug`. */
  debug(message: string | (() => string), ...context: unknown[]): void
  /** Takes a message of the level `warn`: an operation failed, or the user should be told something. */
  warn(message: string | (() => string), ...context: unknown[]): void
  /** Takes a message of the level `error`. */
  error(message: string | (() => string), ...context: unknown[]): void
}

/** How a {@link SecureStore} is set up. An option that is `undefined` counts as left out. */
export interface SecureStoreOptions {
  /**
   * The directory of the encrypted files. A relative path is resolved when the store is constructed.
   * Default: `<dataDir>/secure-store/<serviceName>` (see {@link configure}). Created, with mode 0700, by the first write.
   */
  fallbackDir?: string | undefined
  /**
   * What happens when the keyring is unavailable or refuses: `'allow'` uses the encrypted files, `'deny'` rejects with the
   * keyring's own code and writes nothing. Default: `'allow'`.
   */
  fallbackPolicy?: 'allow' | 'deny' | undefined
  /**
   * Loads the keyring that replaces the operating system's. Called at most once per store, at its first use. It is called
   * even where a setting or `LLXPRT_DISABLE_OS_KEYRING=1` disables the operating system's keyring.
   */
  keyringLoader?: KeyringLoader | undefined
  /** The former name of {@link SecureStoreOptions.keyringLoader}, which takes precedence when both are given. */
  keytarLoader?: KeyringLoader | undefined
  /** The time limit of one keyring call, in milliseconds. It then ends as `TIMEOUT`. Greater than 0; default 30,000. */
  keyringTimeoutMs?: number | undefined
  /** The directory of the locks between processes. Default: `<dataDir>/locks`. */
  lockDir?: string | undefined
  /**
   * Loads the machine secret that version-2 files are encrypted with: 16 to 64 bytes. When it is given, it alone decides:
   * `null` means that there is none, and version 1 is written.
   */
  machineSecretLoader?: (() => Promise<Uint8Array | null>) | undefined
  /**
   * The file that holds the machine secret in base64, mode 0600, for machines without a keyring.
   * Default: `<dataDir>/machine_secret`.
   */
  machineSecretPath?: string | undefined
  /** The version of the files that are written. Both versions are always read. Default: 2. */
  envelopeVersion?: 1 | 2 | undefined
  /** Receives the events of this object as text. Default: that of {@link configure}. See also {@link setLogSink}. */
  logger?: StorageLogger | undefined
}

/** The methods that a store needs to be used in place of a {@link SecureStore}. */
export interface SecureStoreLike {
  /** As {@link SecureStore.get}. */
  get(key: string): Promise<string | null>
  /** As {@link SecureStore.set}. */
  set(key: string, value: string): Promise<void>
  /** As {@link SecureStore.delete}. */
  delete(key: string): Promise<boolean>
  /** As {@link SecureStore.list}. */
  list(): Promise<string[]>
  /** As {@link SecureStore.has}. */
  has(key: string): Promise<boolean>
}

/**
 * The options of a class that is built on a store: those of the store it creates, or a store to use instead.
 *
 * A {@link SecureStore} is used directly. A subclass with methods of its own, or any other object, has its methods called.
 * What such an object throws is treated as the error of a {@link KeyringAdapter}.
 */
export interface StorageOptions extends SecureStoreOptions {
  /** The store to use. The other options of the store are then ignored. */
  secureStore?: SecureStoreLike | undefined
}

/** What {@link SecureStore.update} does: a string is stored, `null` deletes the key, `undefined` leaves it as it is. */
// biome-ignore lint/suspicious/noConfusingVoidType: a callback that returns nothing leaves the value as it is
export type Change = string | null | undefined | void

/** All keys of a store with their values. */
export interface StoreEntries {
  /** The entries, sorted by key; `[]` when there are none. */
  entries: Array<{
    /** The key. */
    key: string
    /** The value; `null` when it could not be read. */
    value: string | null
    /** Where the value is. */
    storedIn: 'keyring' | 'file'
    /** Why the value could not be read; `null` when it could. */
    error: SecureStoreError | null
  }>
  /** The error of a keyring or directory that could not be listed; `null` when the entries are complete. */
  incomplete: SecureStoreError | null
}

/**
 * A store of secrets: in the keyring first, in an encrypted file second.
 *
 * A key is not empty, holds no `/`, `\` or NUL, is not `.` or `..`, and its file name fits the file system. Any other key
 * rejects with `CORRUPT` before anything is touched. A value is any well-formed text; one with an unpaired surrogate
 * rejects with `CORRUPT`.
 *
 * Many calls may be made at once. Changes of one key happen in the order of the calls.
 */
export class SecureStore {
  /**
   * Creates a store. Touches neither keyring nor files.
   *
   * @throws TypeError if `serviceName` is not a non-empty string, and for options of a wrong type or value.
   */
  constructor(serviceName: string, options?: SecureStoreOptions)

  /**
   * Stores a value. When it resolves, the value is in the keyring and was read back from it, or it is on disk.
   *
   * Rejects with `CONFLICT` when the keyring then holds a different value, which another program wrote. Under `'deny'`
   * rejects with the keyring's own code. Otherwise rejects with what prevented the file from being written: `DENIED`,
   * `UNAVAILABLE`. When the file was written and its directory could not be synced, the message says so: the value is
   * there, and may be lost by a crash of the machine.
   */
  set(key: string, value: string): Promise<void>

  /**
   * Resolves to the value of a key; `null` when there is none, or when there is no keyring and no file.
   *
   * Rejects with the keyring's own error when it failed and there is no file: it may hold a value. Rejects with `CORRUPT`
   * when the file cannot be decrypted, as one from another machine.
   */
  get(key: string): Promise<string | null>

  /**
   * Removes a key from keyring and files. Resolves to `true` if either held it.
   *
   * Rejects with the keyring's own error when it failed, after the file was removed: the keyring may still hold the value.
   * Rejects with `UNAVAILABLE` when the keyring reports success and keeps the value.
   */
  delete(key: string): Promise<boolean>

  /**
   * Resolves to the keys in keyring and files, sorted and without duplicates. `[]` means that the store is known to be
   * empty: it rejects when nothing was found and a source could not be listed. When something was found, a source that
   * failed is left out; {@link SecureStore.entries} reports it.
   */
  list(): Promise<string[]>

  /**
   * Resolves to whether keyring or files hold the key; `false` only when it is known that neither does.
   *
   * Rejects with the keyring's own error when it failed and there is no file, with `CORRUPT` for a malformed file.
   */
  has(key: string): Promise<boolean>

  /**
   * Resolves to whether the keyring works: a value was written, read back and deleted. Never rejects. The answer is
   * cached for 60 seconds; a timeout is not cached.
   */
  isKeychainAvailable(): Promise<boolean>

  /**
   * Changes a value while no other process can. Calls `change` with the current value (`null` when there is none), stores
   * what it returns, and resolves to the value that is then stored. See {@link Change}.
   *
   * Rejects with what `change` throws; nothing is changed then. Rejects before `change` is called when the current value
   * cannot be read. Otherwise rejects as {@link SecureStore.withLock}, {@link SecureStore.set} and
   * {@link SecureStore.delete} do. When a program that does not use the lock writes the entry in between (`CONFLICT`),
   * `change` is called again with the new value.
   */
  update(key: string, change: (current: string | null) => Change | Promise<Change>): Promise<string | null>

  /**
   * Runs `work` while no other holder, in this process or another, holds the lock of the key, and resolves or rejects as
   * `work` does. Every `set`, `delete` and `update` of the key takes the same lock; those inside `work` run under the lock
   * that is held. `get`, `has` and `list` never wait.
   *
   * The lock belongs to the operating system and ends with the process, however that ends. Rejects with `TIMEOUT` after
   * `keyringTimeoutMs` plus 30 seconds, and with `UNAVAILABLE` where no lock can be had: `work` never runs without it.
   */
  withLock<T>(key: string, work: () => T | Promise<T>): Promise<T>

  /**
   * Resolves to where the value is that {@link SecureStore.get} would resolve to; `null` when there is none. Rejects as
   * {@link SecureStore.has}.
   */
  locate(key: string): Promise<'keyring' | 'file' | null>

  /**
   * Resolves to all keys with their values, in one batch: one listing per source and one request for all secrets. Rejects
   * when no source could be listed. A value that cannot be read does not affect the others.
   */
  entries(): Promise<StoreEntries>
}

/**
 * Resolves to the operating system's keyring as an adapter; `null` where there is none, or where it is disabled. A locked
 * keyring is not absent. The adapter's methods reject with {@link SecureStoreError}, and work detached from the object.
 */
export function createDefaultKeyringAdapter(): Promise<Required<KeyringAdapter> | null>

/** What {@link configure} sets. `undefined` leaves a setting as it is, `null` clears it. */
export interface Configuration {
  /**
   * The directory below which all data is: `provider-keys/`, `tools/`, `secure-store/<service>/`, `machine_secret` and
   * `locks/`. When it is not set, it is the first of: `LLXPRT_DATA_HOME`, `LLXPRT_CONFIG_HOME` (absolute paths), the data
   * directory of the CLI on this platform if it exists (`$XDG_DATA_HOME/llxprt-code`,
   * `~/Library/Application Support/llxprt-code`, `%LOCALAPPDATA%\llxprt-code\Data`), `~/.llxprt`.
   */
  dataDir?: string | null | undefined
  /** The default of {@link SecureStoreOptions.machineSecretPath}. */
  machineSecretPath?: string | null | undefined
  /** The default of {@link SecureStoreOptions.lockDir}. */
  lockDir?: string | null | undefined
  /** As {@link setOsKeyringDisabledBySetting}. */
  osKeyringDisabled?: boolean | null | undefined
  /** The default of {@link SecureStoreOptions.logger}. */
  logger?: StorageLogger | null | undefined
  /**
   * The default of {@link SecureStoreOptions.keyringLoader}; `'os'` for the operating system's keyring, `'files'` for encrypted
   * files only. Without it the environment variable `LLXPRT_KEYRING` (`os` or `files`) decides, else the file `keyring.json` in
   * the data directory, which `llxprt-key use` writes, else the operating system's keyring is used. A wrong setting is the
   * error of every operation.
   */
  keyring?: KeyringLoader | 'os' | 'files' | null | undefined
}

/**
 * Sets defaults for this environment (the main thread, or this worker). They apply to objects that are constructed
 * afterwards, and {@link getProviderKeyStorage} and {@link getToolKeyStorage} return new instances. `osKeyringDisabled`
 * applies to existing objects too.
 *
 * @throws TypeError for a setting that is unknown, or of a wrong type. Nothing is changed then.
 */
export function configure(settings: Configuration): void

/**
 * Disables the operating system's keyring for this environment, or enables it again. Takes effect at once, also for
 * objects that exist. Keyrings of a loader are not affected.
 *
 * @throws TypeError if `disabled` is not a boolean.
 */
export function setOsKeyringDisabledBySetting(disabled: boolean): void

/** What {@link hardenProcess} achieved. */
export interface HardenedProcess {
  /** Whether other programs of the same user can no longer attach to this process or read its memory. */
  debuggerDenied: boolean
  /** Whether a crash of this process writes no core dump. */
  coreDumpsDisabled: boolean
}

/**
 * Protects the memory of this process from other programs of the same user, as far as the platform allows: on Linux it is
 * made undumpable (`PR_SET_DUMPABLE`) and core dumps are disabled; on other Unix systems core dumps are disabled; on
 * Windows nothing is done. Debuggers and profilers that attach from outside stop working. Never throws.
 */
export function hardenProcess(): HardenedProcess

/** The methods that a storage needs to be used in place of a {@link ProviderKeyStorage}. */
export interface ProviderKeyStorageLike {
  /** As {@link ProviderKeyStorage.saveKey}. */
  saveKey(name: string, apiKey: string): Promise<void>
  /** As {@link ProviderKeyStorage.getKey}. */
  getKey(name: string): Promise<string | null>
  /** As {@link ProviderKeyStorage.deleteKey}. */
  deleteKey(name: string): Promise<boolean>
  /** As {@link ProviderKeyStorage.listKeys}. */
  listKeys(): Promise<string[]>
  /** As {@link ProviderKeyStorage.hasKey}. */
  hasKey(name: string): Promise<boolean>
}

/**
 * Named API keys of providers: service `llxprt-code-provider-keys`, files in `<dataDir>/provider-keys`.
 *
 * Names match {@link KEY_NAME_REGEX}; any other rejects with `CORRUPT`. Case matters. On Windows two names that differ only
 * in case may share an entry.
 */
export class ProviderKeyStorage {
  /**
   * Creates a storage. Touches neither keyring nor files.
   *
   * @throws TypeError for options of a wrong type or value, and if `secureStore` lacks a method of {@link SecureStoreLike}.
   */
  constructor(options?: StorageOptions)
  /**
   * Stores a key, without the white space (or byte-order mark) around it. A key that is then empty rejects with
   * `CORRUPT` and `API key value cannot be empty.`
   */
  saveKey(name: string, apiKey: string): Promise<void>
  /** Resolves to the key of that name, `null` when there is none. Rejects as {@link SecureStore.get}. */
  getKey(name: string): Promise<string | null>
  /** Removes a key. Resolves to `false` when there was none. Rejects as {@link SecureStore.delete}. */
  deleteKey(name: string): Promise<boolean>
  /** Resolves to the names, sorted and without duplicates; `[]` when there are none. Rejects as {@link SecureStore.list}. */
  listKeys(): Promise<string[]>
  /** Resolves to whether there is a key of that name. Rejects as {@link SecureStore.has}. */
  hasKey(name: string): Promise<boolean>
}

/**
 * Returns the process-wide {@link ProviderKeyStorage} (one per worker, in worker threads). It is created by the first call,
 * and anew after {@link configure}.
 */
export function getProviderKeyStorage(): ProviderKeyStorage

/** Makes the next {@link getProviderKeyStorage} create a new instance, which reads the environment anew. */
export function resetProviderKeyStorage(): void

/** What the name of a provider key looks like: `/^[a-zA-Z0-9._-]{1,64}$/`. */
export const KEY_NAME_REGEX: RegExp

/**
 * Checks the name of a provider key.
 *
 * @throws SecureStoreError with code `CORRUPT`. Its message says what a name may be.
 */
export function validateKeyName(name: string): void

/**
 * Returns a key for display: up to 8 characters as that many `*`; of a longer one the first two and the last two characters
 * show, with a `*` for each in between. Characters are Unicode code points.
 */
export function maskKeyForDisplay(key: string): string

/** The values of `--key`, `--key-name` and `--keyfile`; `null` where a flag is absent. */
export interface KeyArgs {
  /** The value of `--key`: a key. */
  keyOverride: string | null
  /** The value of `--key-name`: the name of a saved key. */
  keyNameOverride: string | null
  /** The value of `--keyfile`: a path. */
  keyfileOverride: string | null
}

/**
 * Finds the flags that choose the session's key, as `--flag value` and as `--flag=value`. Other arguments are
 * ignored, and nothing is resolved: neither keyring nor files are touched. Names are trimmed. An empty value of `--key` or
 * `--keyfile` counts as absent.
 *
 * An argument that starts with `-` is the next flag, not a value; pass such a value as `--flag=value`. The last one of a
 * repeated flag counts, and `--` ends the flags.
 *
 * @throws SecureStoreError with code `CORRUPT` for a flag without a value and for an empty `--key-name`, such as
 * `--key-name requires a value`. The message never holds a value.
 */
export function parseKeyArgs(argv: readonly string[]): KeyArgs

/**
 * What a host knows about the session's key. `null`, `undefined` and a missing property mean "absent", and so does text
 * that is empty or only white space. An empty `keyName` is an error: it comes from a flag that must have a value.
 */
export interface AuthSources {
  /** From `--key`. */
  key?: string | null | undefined
  /** From `--key-name`. */
  keyName?: string | null | undefined
  /** From `--keyfile`. */
  keyfile?: string | null | undefined
  /** The settings of the loaded profile, and its name for the debug lines (an inline profile may have none). */
  profile?:
    | {
        name?: string | null | undefined
        'auth-key-name'?: string | null | undefined
        'auth-keyfile'?: string | null | undefined
        'auth-key'?: string | null | undefined
      }
    | null
    | undefined
  /** The environment; default: `process.env`. Only the variables in `envNames` are read. */
  env?: Readonly<Record<string, string | undefined>> | null | undefined
  /** The environment variables that may hold the key, highest first; default: none. */
  envNames?: readonly string[] | null | undefined
}

/** The key a session uses, and where it came from. */
export interface ResolvedApiKey {
  /** The key; `null` when no source is present. */
  apiKey: string | null
  /** Where it came from; `'none'` when no source is present. */
  source:
    | 'key'
    | 'key-name'
    | 'profile-key-name'
    | 'keyfile'
    | 'profile-keyfile'
    | 'profile-key'
    | 'environment'
    | 'none'
  /** The key's name, the file's path as it was given, or the variable's name; `null` for a raw key and for none. Never the key itself. */
  reference: string | null
  /**
   * The session settings to set (text) and to clear (`null`): all three of {@link AUTH_EPHEMERAL_SETTINGS}, so that a
   * setting of the profile does not outlive what overrode it. It holds the reference, never the secret behind it; a key that
   * was given itself (`--key`, `auth-key`) is its own reference. `{}` for `environment` and `none`: nothing to set or clear.
   */
  ephemeral: {
    'auth-key-name'?: string | null
    'auth-keyfile'?: string | null
    'auth-key'?: string | null
  }
  /** Debug lines: what is used, then each source that is present but overridden. They hold no key. */
  diagnostics: string[]
}

/**
 * Finds the key a session uses. The highest source present wins: `--key`, `--key-name`, the profile's
 * `auth-key-name`, `--keyfile`, the profile's `auth-keyfile`, its `auth-key`, the environment variables.
 *
 * `storage` (default: {@link getProviderKeyStorage}) is only created and asked when the winner is a named key. A key file
 * holds UTF-8 text, at most 1 MiB. White space around the text is removed, a `~` at the start of its path is the home
 * directory, and a relative path starts at the current directory.
 *
 * A failure is final, whatever lower sources there are. Rejects with a {@link SecureStoreError} whose `exitCode` is 41
 * and whose message names the key or file: `NOT_FOUND` for a named key or a file that does not exist, `CORRUPT` for an
 * invalid name and for a file that is empty, too large or not text. Otherwise rejects with what prevented keyring or file
 * from being read. Rejects with a `TypeError` for an argument of the wrong type.
 */
export function resolveApiKey(sources: AuthSources, storage?: ProviderKeyStorageLike): Promise<ResolvedApiKey>

/** The profile settings that say where a key is, for a host's list of valid settings. The array is frozen. */
export const AUTH_EPHEMERAL_SETTINGS: readonly ['auth-key-name', 'auth-keyfile', 'auth-key']

/** What the text after `/key` means. */
export type KeyInvocation =
  /** Nothing was given: the status of the session's key. */
  | { kind: 'status' }
  /** Store a key; `key` is all the text after the name, trimmed, and never empty. */
  | { kind: 'save'; name: string; key: string }
  /** Make a saved key the session's. */
  | { kind: 'load'; name: string }
  /** Show a saved key, masked. */
  | { kind: 'show'; name: string }
  /** Show all saved keys, masked. */
  | { kind: 'list' }
  /** Remove a saved key. */
  | { kind: 'delete'; name: string }
  /** No subcommand: the whole text, trimmed, is a key for this session. */
  | { kind: 'set'; key: string }
  /** `none`, in any case: clear the session's key. */
  | { kind: 'clear' }
  /** A subcommand that needs a name, without one. */
  | { kind: 'missing-name'; subcommand: 'save' | 'load' | 'show' | 'delete' }
  /** A save with a name and no key. */
  | { kind: 'missing-key'; name: string }

/** How the host runs a {@link KeyCommand}. */
export interface KeyCommandContext {
  /** Whether a user can be asked. If not, nothing is overwritten or deleted, even when `confirmed`. Default: `true`. */
  interactive?: boolean | undefined
  /** Whether the user agreed to the `confirm_action` that the same text returned before. Default: `false`. */
  confirmed?: boolean | undefined
  /** The whole invocation, such as `/key save work sk-…`. It is returned in a `confirm_action`. */
  raw?: string | undefined
}

/** What the host does after a `/key` command. Only `session_key` ever holds a key (and `raw`, where the host passed one). */
export type KeyCommandResult =
  /** Show `content`. */
  | { type: 'message'; messageType: 'info' | 'error'; content: string }
  /**
   * Ask `prompt`; if the user agrees, run the same text again with `confirmed: true`. `raw` is that of the context. If the
   * context has none, it is the invocation from `/key` on with the key replaced by `***`, for display only. A save of `***`,
   * or of text that looks like a mask, is refused.
   */
  | { type: 'confirm_action'; prompt: string; originalInvocation: { raw: string } }
  /** Make `apiKey` the session's key, and show `content`: the saved key `name` was loaded. */
  | { type: 'session_key'; action: 'set'; apiKey: string; name: string; content: string }
  /** Make `apiKey` the session's key: it was typed. */
  | { type: 'session_key'; action: 'set'; apiKey: string; name: null; content: null }
  /** Clear the session's key, or show its status. */
  | { type: 'session_key'; action: 'clear' | 'status'; apiKey: null; name: null; content: null }

/** A completion of the word under the cursor. Subcommands have a description, names have none. */
export interface KeyCompletion {
  /** The word. */
  value: string
  /** What it does. */
  description?: string
}

/** The value of an argument in a {@link KeySchema}. */
export interface KeyValueArgument {
  /** `'value'`. */
  readonly kind: 'value'
  /** The name of the argument. */
  readonly name: string
  /** What the argument is. */
  readonly description: string
  /** Resolves to the completions of what is typed so far, as {@link KeyCommand.complete} does. Ignores the context. */
  readonly completer?: (context: unknown, partial: string) => Promise<KeyCompletion[]>
  /** What to show while nothing is typed. */
  readonly hint?: string
  /** The arguments that follow. */
  readonly next?: readonly KeyValueArgument[]
}

/** The subcommands of `/key` and their arguments, for hosts that complete by schema. */
export type KeySchema = ReadonlyArray<{
  readonly kind: 'literal'
  readonly value: 'save' | 'load' | 'show' | 'list' | 'delete'
  readonly description: string
  readonly next?: readonly KeyValueArgument[]
}>

/**
 * The `/key` command. The host passes the text after `/key`, and does what the result says.
 *
 * Words are separated by white space of any kind. The first word selects the subcommand, and case matters: `save`, `load`,
 * `show`, `list`, `delete`. Anything else is a key for this session. Text after a name, other than the key of a save, is
 * ignored.
 */
export class KeyCommand {
  /**
   * Creates a command on these keys. Default: {@link getProviderKeyStorage}, as it is now.
   *
   * @throws TypeError if `storage` lacks a method of {@link ProviderKeyStorageLike}.
   */
  constructor(storage?: ProviderKeyStorageLike)

  /**
   * Parses the text after `/key`. Touches nothing; names are not validated.
   *
   * @throws SecureStoreError with code `CORRUPT` for text with an unpaired surrogate, which no key can hold.
   */
  static parse(args: string): KeyInvocation

  /** The subcommands; names are completed from {@link getProviderKeyStorage}, as it is when they are completed. */
  static readonly schema: KeySchema

  /** The subcommands; names are completed from this command's storage. */
  readonly schema: KeySchema

  /**
   * Runs the command. Rejects only with a `TypeError`, for arguments of a wrong type: a storage failure resolves to an error
   * message.
   */
  run(args: string, context?: KeyCommandContext): Promise<KeyCommandResult>

  /**
   * Resolves to the completions of the last word of the text after `/key`; white space at its end means that the next word
   * begins. The first word completes the subcommands, the second one saved names where a name is expected. `[]` when nothing
   * fits, and when the names cannot be listed.
   *
   * The names are cached for 5 seconds, or until a key is saved or deleted through the same storage.
   */
  complete(args: string): Promise<KeyCompletion[]>
}

/**
 * Masks the key in a typed command before it is shown or kept: in `/key <raw-key>`, in `/key save <name> <key>` and in
 * `/toolkey <tool> <key>`. Everything else stays as it is. The mask is that of {@link maskKeyForDisplay}, so no character is
 * added or lost, and masking masked text changes nothing.
 *
 * Any string is accepted, also one with unpaired surrogates.
 */
export class SecureInputHandler {
  /** Returns whether the first word is `/key`, `/keyfile` or `/toolkey`. */
  shouldUseSecureMode(text: string): boolean
  /**
   * Stores the text and returns it masked for display. Masks from the start of the key to the first line break; what
   * follows the break is kept.
   */
  processInput(text: string): string
  /** Returns the text that was processed last, unmasked; `''` when there was none. */
  getActualValue(): string
  /** Returns whether the text that was processed last is masked; `false` when there was none. */
  isInSecureMode(): boolean
  /** Forgets the text. */
  reset(): void
  /**
   * Returns the command for the history: the key is masked from its start to its end, over any number of lines. When several
   * commands are pasted together, the first key and all that follows it is masked.
   */
  sanitizeForHistory(command: string): string
}

/**
 * An event: what was done, to which key (as a fingerprint), how it went and how long it took. It never holds a key's name, a
 * value, or the message of an error. `docs/logging.md` lists the fields of each event; a field that does not apply is
 * missing.
 */
export interface LogEvent {
  /** When, in milliseconds since 1970. */
  readonly timestamp: number
  /**
   * `warn` for a failed `operation` or `key_source`, for `credentials_skipped`, `notice` and the events of locks; otherwise
   * `debug`.
   */
  readonly level: 'debug' | 'warn'
  /** What happened. */
  readonly event:
    | 'operation'
    | 'probe'
    | 'keyring_call'
    | 'file_call'
    | 'key_derived'
    | 'key_source'
    | 'credentials_skipped'
    | 'lock_wait'
    | 'lock_acquired'
    | 'lock_unavailable'
    | 'notice'
  /** The part of the code that emits it, as a filter in `LLXPRT_SECURESTORE_LOG` names it. */
  readonly target:
    | 'securestore::store'
    | 'securestore::keyring'
    | 'securestore::files'
    | 'securestore::auth'
    | 'securestore::tokens'
    | 'securestore::notices'
  /** The operation, such as `get`. */
  readonly operation?: string
  /** The service. */
  readonly service?: string
  /** The key: the first 8 hex digits of the SHA-256 of its name. Missing where the name is invalid. */
  readonly key?: string
  /** The backend that was asked last. */
  readonly backend?: 'keyring' | 'file'
  /** The operating system's keyring, or one of a loader. */
  readonly keyring?: 'os' | 'injected'
  /** The directory of the file. */
  readonly directory?: string
  /** `absent` means that the operation succeeded and there is no such key. */
  readonly outcome?: 'ok' | 'absent' | 'failed'
  /** The code of the failure. */
  readonly code?: SecureStoreErrorCode
  /** Why the encrypted file was asked. */
  readonly fallback?: 'no_keyring' | 'keyring_failed' | 'not_in_keyring' | 'file_is_newer'
  /** The code of the keyring's failure, where that is the reason. */
  readonly keyring_code?: SecureStoreErrorCode
  /** The number of keys. */
  readonly count?: number
  /** The result of a probe: whether a value that was written was read back. */
  readonly available?: boolean
  /** Why credentials were left out of `getAllCredentials`. */
  readonly reason?: 'unparsable' | 'undecryptable'
  /** The source of the session's key. */
  readonly source?: ResolvedApiKey['source']
  /** The duration in microseconds. */
  readonly duration_us?: number
  /** The message of a `notice`, for the user. */
  readonly message?: string
  /** What the user can do about a `notice`. */
  readonly remediation?: string
  /** The number of events that were dropped just before this one, because the sink was too slow. */
  readonly dropped?: number
}

/**
 * Sends every event of this environment (the main thread, or this worker) to a function, one by one, in order, on the
 * JavaScript thread. `null` ends that. There is one sink; a new one replaces the old one.
 *
 * The events of an operation come before its promise is settled. Up to 1,024 events wait while the thread is busy. Further
 * ones are dropped, and the next event says how many ({@link LogEvent.dropped}). A sink never keeps the process alive, and
 * its errors are ignored. Without a sink, events cost nothing.
 *
 * The event `notice` is for the user, and is emitted at most once per process and kind: the keyring was refused and is not
 * asked again, files are used because there is no keyring, files are written in version 1 because there is no machine
 * secret.
 *
 * @throws TypeError if `sink` is neither a function nor `null`.
 */
export function setLogSink(sink: ((event: LogEvent) => void) | null): void

/** The report of {@link doctor}. It names no key. */
export interface DoctorReport {
  /** The versions in use. */
  versions: {
    /** The version of this addon. */
    addon: string
    /** The platform, such as `linux-x64`. */
    platform: string
    /** The runtime, such as `node 22.1.0`. */
    runtime: string
  }
  /** The data directory. */
  dataDirectory: {
    /** The directory. */
    path: string
    /** The rule that chose it, in words. */
    rule: string
  }
  /** The keyring. */
  keyring: {
    /** The keyring in use. One that was chosen has a name of its own, such as `docker-credential-pass`. */
    backend: 'Keychain' | 'Credential Manager' | 'Secret Service' | 'none' | (string & {})
    /** Why this keyring, or none, is used. */
    why: string
    /** What chose it: `configure`, `LLXPRT_KEYRING` or the path of `keyring.json`; `null` for the default. */
    chosenBy: string | null
    /** Whether a value that was written could be read back. */
    works: boolean
    /** The duration of that check in milliseconds; `null` where there is no keyring. */
    durationMs: number | null
    /** The code of the failure; `null` when the keyring works, and when it is disabled. */
    code: SecureStoreErrorCode | null
    /** What failed; `null` when `code` is. */
    message: string | null
    /** What a person can do about it; `null` when `code` is. */
    remediation: string | null
  }
  /** The places where keys are: provider keys, tool keys, and each directory in `<dataDir>/secure-store`. */
  places: Array<{
    /** `provider keys`, `tool keys`, otherwise the service. */
    name: string
    /** The service in the keyring. */
    service: string
    /** The directory of its files, whether it exists or not. */
    directory: string
    /** The number of keys in the keyring; `null` when it cannot be listed. */
    keyringKeys: number | null
    /** The number of keys with an encrypted file; 0 without a directory, `null` when it cannot be listed. */
    fileKeys: number | null
    /** The directory's mode in octal, such as `'0700'`; `null` without a directory, and on Windows. */
    directoryMode: string | null
    /** Whether other users have access to the directory. */
    directoryTooOpen: boolean
    /** The number of files that other users have access to. */
    filesTooOpen: number
  }>
  /** Data of earlier programs, as {@link findLegacyData} returns it; `[]` when there is none. */
  legacy: LegacyData[]
  /** The problems that were found, in words for a terminal; `[]` when all is well. */
  problems: Array<{
    /** How bad it is. `info` needs nothing to be done. */
    severity: 'error' | 'warning' | 'info'
    /** What is wrong. */
    message: string
    /** What to do about it. */
    remedy: string
  }>
}

/**
 * Examines the operating system's keyring and the places where keys are. It changes nothing, apart from a value that it
 * writes to the keyring, reads back and deletes. A locked keyring may show its one prompt.
 *
 * Resolves within `keyringTimeoutMs` (default 30,000), whatever the keyring does: failures are in the report. Rejects only
 * with a `TypeError`, for options of a wrong type or value.
 */
export function doctor(options?: { keyringTimeoutMs?: number | undefined }): Promise<DoctorReport>

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

/** Returns whether there is a tool of that name. Case matters. */
export function isValidToolKeyName(toolName: string): boolean

/** Returns the entry of a tool; `undefined` when there is no tool of that name. */
export function getToolKeyEntry(toolName: string): ToolKeyRegistryEntry | undefined

/** Returns the names of all tools. */
export function getSupportedToolNames(): string[]

/** How a {@link ToolKeyStorage} is set up. */
export interface ToolKeyStorageOptions extends StorageOptions {
  /**
   * The directory of the encrypted files and of `keyfiles.json`. A relative path is resolved when the storage is
   * constructed. Default: `<dataDir>/tools`. Created, with mode 0700, by the first write.
   */
  toolsDir?: string | undefined
}

/**
 * API keys of tools: service `llxprt-code-tool-keys`, and the files that may hold a key instead.
 *
 * Every method rejects with `CORRUPT` for a tool that is not in {@link TOOL_KEY_REGISTRY}, before anything is touched:
 * `Invalid tool key name: "<tool>". Supported names: exa`.
 */
export class ToolKeyStorage {
  /**
   * Creates a storage. Touches neither keyring nor files.
   *
   * @throws TypeError for options of a wrong type or value.
   */
  constructor(options?: ToolKeyStorageOptions)
  /** Stores a tool's key, unchanged. Rejects as {@link SecureStore.set}. */
  saveKey(toolName: string, apiKey: string): Promise<void>
  /** Resolves to the stored key of a tool, `null` when there is none. Rejects as {@link SecureStore.get}. */
  getKey(toolName: string): Promise<string | null>
  /** Removes the stored key of a tool. Resolves to `false` when there was none. Rejects as {@link SecureStore.delete}. */
  deleteKey(toolName: string): Promise<boolean>
  /** Resolves to whether there is a stored key of a tool. Rejects as {@link SecureStore.has}. */
  hasKey(toolName: string): Promise<boolean>
  /**
   * Resolves to the key that a tool uses: the stored one, otherwise the first line of its key file, trimmed, read anew each
   * time; `null` when there is neither. A key file that is missing or empty counts as none. `~` at the start of its path is
   * the home directory, and a relative path starts at the current directory.
   *
   * When the stored key cannot be read, the key file is used; without a key in it, the error of the stored key is reported.
   * Also rejects for a key file that cannot be read: `DENIED`, `UNAVAILABLE`, or `CORRUPT` (not UTF-8, or more than 1 MiB).
   */
  resolveKey(toolName: string): Promise<string | null>
  /**
   * Stores the path of a tool's key file, as it is given, in `keyfiles.json`. The file itself need not exist. Rejects with
   * `CORRUPT` for an empty path, and when `keyfiles.json` is not a JSON map: it is then left as it is.
   */
  setKeyfilePath(toolName: string, path: string): Promise<void>
  /**
   * Resolves to the path of a tool's key file, as it was given; `null` when there is none. Rejects as
   * {@link ToolKeyStorage.setKeyfilePath}.
   */
  getKeyfilePath(toolName: string): Promise<string | null>
  /**
   * Removes the path of a tool's key file, if there is one. The key file stays. Rejects as
   * {@link ToolKeyStorage.setKeyfilePath}.
   */
  clearKeyfilePath(toolName: string): Promise<void>
}

/**
 * Returns the process-wide {@link ToolKeyStorage} (one per worker, in worker threads). It is created by the first call, and
 * anew after {@link configure}.
 */
export function getToolKeyStorage(): ToolKeyStorage

/** An OAuth token. */
export interface OAuthToken {
  /** The access token. */
  accessToken: string
  /** The refresh token. */
  refreshToken?: string
  /** When the access token expires, in milliseconds since 1970. */
  expiresAt?: number
  /** The type of the token, such as `Bearer`. */
  tokenType: string
  /** The scopes, separated by spaces. */
  scope?: string
}

/** The OAuth credentials of an MCP server. Other fields, here and in the token, are stored and returned unchanged. */
export interface OAuthCredentials {
  /** The server. */
  serverName: string
  /** Its token. */
  token: OAuthToken
  /** The client id. */
  clientId?: string
  /** The URL that issues tokens. */
  tokenUrl?: string
  /** The URL of the server. */
  mcpServerUrl?: string
  /** When they were stored, in milliseconds since 1970. */
  updatedAt: number
}

/** How a {@link KeychainTokenStorage} is set up. */
export interface TokenStorageOptions extends StorageOptions {
  /**
   * Called for each entry that {@link KeychainTokenStorage.getAllCredentials} leaves out because it cannot be decrypted or
   * parsed, so that the host can tell its user which server to log into again. `serverName` is the name that
   * {@link KeychainTokenStorage.listServers} returns. Errors that it throws are ignored.
   */
  onBrokenCredentials?: ((serverName: string, error: SecureStoreError) => void) | undefined
}

/** How {@link KeychainTokenStorage.refreshCredentials} decides. */
export interface RefreshOptions {
  /** Returns whether credentials must be refreshed. Default: `token.expiresAt` is at most `leewayMs` away. */
  isStale?: ((credentials: OAuthCredentials) => boolean | Promise<boolean>) | undefined
  /** How long before they expire credentials count as stale, in milliseconds. Default: 60,000. */
  leewayMs?: number | undefined
}

/**
 * OAuth credentials of MCP servers, in the keyring or in encrypted files, one entry per server. With
 * `LLXPRT_FORCE_FILE_STORAGE=true` in the environment when it is constructed, they are in files only.
 *
 * The account is the server's name with `_` in place of each character outside `a-zA-Z0-9-_.`; servers with the same
 * account share their credentials. An empty server name, and one that is `.` or `..`, rejects with `CORRUPT`.
 */
export class KeychainTokenStorage {
  /**
   * Creates a storage. Touches neither keyring nor files. Default service: `llxprt-cli-mcp-oauth`.
   *
   * @throws TypeError if `serviceName` is not a non-empty string, and for options of a wrong type or value.
   */
  constructor(serviceName?: string | null, options?: TokenStorageOptions)
  /**
   * Resolves to the credentials of a server, also expired ones; `null` when there are none.
   *
   * Rejects with `CORRUPT` and `Failed to parse stored credentials for <server>` when the stored text is invalid. Otherwise
   * rejects as {@link SecureStore.get}.
   */
  getCredentials(serverName: string): Promise<OAuthCredentials | null>
  /**
   * Stores credentials for the server they name, with `updatedAt` set to now. The object itself is not changed.
   *
   * Rejects with `CORRUPT` and `Server name is required`, `Token is required`, `Access token is required` or
   * `Token type is required`, before anything is touched. Otherwise rejects as {@link SecureStore.set}.
   */
  setCredentials(credentials: Omit<OAuthCredentials, 'updatedAt'> & { updatedAt?: number }): Promise<void>
  /**
   * Removes the credentials of a server. Rejects with `NOT_FOUND` and `No credentials found for <server>` when there are
   * none. Otherwise rejects as {@link SecureStore.delete}.
   */
  deleteCredentials(serverName: string): Promise<void>
  /** Resolves to the accounts, sorted; `[]` when there are none. Rejects when a source could not be listed. */
  listServers(): Promise<string[]>
  /**
   * Resolves to the credentials of all accounts, by the names of {@link KeychainTokenStorage.listServers}; an empty map when
   * there are none. Entries that cannot be decrypted or parsed are left out; see
   * {@link TokenStorageOptions.onBrokenCredentials}. Rejects when a source could not be listed or read.
   */
  getAllCredentials(): Promise<Map<string, OAuthCredentials>>
  /**
   * Removes all credentials. A failure does not stop the others; it then rejects with
   * `Failed to clear some credentials: …` and the code of the first failure. Also rejects when a source could not be listed.
   */
  clearAll(): Promise<void>
  /**
   * Resolves to whether credentials can be stored: in encrypted files, where the policy allows them and their directory can
   * be read (or does not exist yet), otherwise in a keyring that works ({@link SecureStore.isKeychainAvailable}). Never
   * rejects.
   */
  isAvailable(): Promise<boolean>
  /**
   * Resolves to credentials that are not stale; `null` when there are none. Of all processes that find the same stale
   * credentials, exactly one calls `refresh`: it holds the lock of the entry, stores what `refresh` returns, and the others
   * then read it.
   *
   * Rejects with what `refresh` throws; nothing is stored then, and the next caller tries. Otherwise rejects as
   * {@link SecureStore.withLock}, {@link KeychainTokenStorage.getCredentials} and
   * {@link KeychainTokenStorage.setCredentials} do.
   */
  refreshCredentials(
    serverName: string,
    refresh: (
      credentials: OAuthCredentials,
    ) =>
      | (Omit<OAuthCredentials, 'serverName' | 'updatedAt'> & { serverName?: string; updatedAt?: number })
      | Promise<Omit<OAuthCredentials, 'serverName' | 'updatedAt'> & { serverName?: string; updatedAt?: number }>,
    options?: RefreshOptions,
  ): Promise<OAuthCredentials | null>
}

/** A setting, as an extension declares it. */
export interface ExtensionSetting {
  /** Its name for people. */
  name: string
  /** What it is for. */
  description?: string | undefined
  /** The environment variable that carries it: letters, digits and underscores, not starting with a digit. */
  envVar: string
  /** Whether its value is a secret. Default: `false`. */
  sensitive?: boolean | undefined
}

/** How an {@link ExtensionSettingsStorage} is set up. */
export interface ExtensionSettingsOptions extends StorageOptions {
  /** The service. Default: `LLxprt Code Extension <name>`, see {@link ExtensionSettingsStorage}. */
  serviceName?: string | undefined
}

/**
 * The settings of an extension: sensitive ones in the keyring or in encrypted files, the others in plain text in
 * `<extensionDir>/.env`, mode 0600. What is loaded is what was saved, whatever characters it holds except NUL.
 *
 * The default service is `LLxprt Code Extension <name>`, with the extension's name reduced to `a-zA-Z0-9-_` and the whole
 * cut at 255 characters; extensions with the same service share their settings. Every method rejects with `CORRUPT`, before
 * anything changes, for an invalid `envVar`, and for one that is declared both sensitive and not.
 */
export class ExtensionSettingsStorage {
  /**
   * Creates a storage. Touches neither keyring nor files.
   *
   * @throws TypeError for a name or a directory that is not a string, an empty directory, and options of a wrong type or
   * value.
   */
  constructor(extensionName: string, extensionDir: string, options?: ExtensionSettingsOptions)
  /**
   * Stores the values of the settings, by `envVar`. A setting without a value is removed. Values of other names are ignored,
   * and other lines of the `.env` file (comments, other variables) stay. A sensitive setting is removed from the file.
   *
   * Rejects with `CORRUPT`, before anything changes, for a value with a NUL character and for a file that cannot be parsed.
   * A value that cannot be stored does not stop the others; the first error is reported at the end.
   */
  saveSettings(settings: ExtensionSetting[], values: Record<string, string | undefined>): Promise<void>
  /**
   * Resolves to the values of the settings, by `envVar`; a setting without a value is left out. Rejects as
   * {@link SecureStore.get} when a sensitive one may exist and cannot be read.
   */
  loadSettings(settings: ExtensionSetting[]): Promise<Record<string, string | undefined>>
  /**
   * Removes the values of the settings. Without `settings`, removes everything of the extension: its `.env` file, and all
   * that is stored for it. A missing value is not an error. Rejects as {@link SecureStore.delete} after the rest is removed,
   * and when a source could not be listed.
   */
  deleteSettings(settings?: ExtensionSetting[]): Promise<void>
  /**
   * Resolves to whether any of the settings has a value; without `settings`, whether the extension has any. Rejects when
   * none was found and a source could not be listed.
   */
  hasSettings(settings?: ExtensionSetting[]): Promise<boolean>
}

/** Data of an older program that is no longer read. */
export interface LegacyData {
  /** The file. */
  path: string
  /** What it holds: the encrypted key of a tool, or the credentials of all MCP servers. */
  kind: 'tool-key' | 'mcp-oauth-tokens'
  /**
   * A message for the user: first the remedy (`Re-save your key with /toolkey set …`, `Re-authenticate with /auth login for
   * MCP servers …`), then the reason.
   */
  message: string
}

/**
 * Resolves to the old files in `~/.llxprt` and in the data directory: `tools/*.key` (except envelopes, which are read) and
 * `mcp-oauth-tokens-v2.json`; `[]` when there are none. The files are neither read, moved nor deleted. Rejects with `DENIED`
 * or `UNAVAILABLE` when a directory cannot be listed.
 */
export function findLegacyData(options?: {
  /** The home directory. Default: that of the user. */
  homeDir?: string | undefined
  /** The data directory to look in, besides `~/.llxprt`. Default: the one in use, unless `homeDir` is given. */
  dataDir?: string | undefined
}): Promise<LegacyData[]>

/** What an {@link EnvelopeCodecError} means: there is no machine secret, or the envelope cannot be read. */
export type EnvelopeCodecErrorCode = 'UNAVAILABLE' | 'CORRUPT'

/** A failure of the envelope functions. It is not a {@link SecureStoreError}. */
export class EnvelopeCodecError extends Error {
  /** Creates an error. `remediation` says what a person can do about it. */
  constructor(message: string, code: EnvelopeCodecErrorCode, remediation: string)
  /** `'EnvelopeCodecError'`. */
  readonly name: string
  /** Which kind of failure it is. */
  readonly code: EnvelopeCodecErrorCode
  /** What a person can do about it, in a sentence. */
  readonly remediation: string
}

/** An envelope: the JSON of an encrypted file. */
export interface Envelope {
  /** The version. */
  v: number
  /** The parameters of the encryption. */
  crypto: {
    /** The cipher, `aes-256-gcm`. */
    alg: string
    /** The key derivation, `scrypt`. */
    kdf: string
    /** The cost of scrypt, 16384. */
    N: number
    /** The block size of scrypt, 8. */
    r: number
    /** The parallelism of scrypt, 1. */
    p: number
    /** The length of the salt in bytes, 16. */
    saltLen: number
  }
  /** Base64 of the salt (16 bytes), the nonce (12 bytes), the GCM tag (16 bytes) and the ciphertext. */
  data: string
}

/** Where the envelope functions find the machine secret. */
export interface EnvelopeCodecOptions {
  /**
   * Loads the machine secret; `null` means that there is none. What it throws is what the function rejects with. Default:
   * the operating system's keyring, then the file.
   */
  machineSecretLoader?: (() => Promise<Uint8Array | null>) | undefined
  /** The file of the machine secret. Ignored when a loader is given. Default: `<dataDir>/machine_secret`. */
  machineSecretPath?: string | undefined
}

/** The options of {@link encryptEnvelopeString}. */
export interface EncryptEnvelopeStringOptions extends EnvelopeCodecOptions {
  /** The version of the envelope that will be replaced. Version 2 is never replaced by version 1. */
  existingEnvelopeVersion?: number | null | undefined
}

/**
 * Encrypts text for a service and resolves to an envelope: the text of the file that a {@link SecureStore} would write.
 * Version 2 when there is a machine secret (one is created when there is none anywhere), otherwise version 1.
 *
 * Rejects with an {@link EnvelopeCodecError} `UNAVAILABLE` instead of replacing version 2 by version 1.
 */
export function encryptEnvelopeString(
  plaintext: string,
  serviceName: string,
  options?: EncryptEnvelopeStringOptions,
): Promise<string>

/**
 * Decrypts an envelope of a service. Never creates a machine secret.
 *
 * Rejects with an {@link EnvelopeCodecError} `CORRUPT` for text that is not an envelope, and for an envelope of another
 * service, machine, user or machine secret.
 */
export function decryptEnvelopeString(
  envelopeJson: string,
  serviceName: string,
  options?: EnvelopeCodecOptions,
): Promise<string>

/** Returns the version of an envelope, given its text; `null` for text that is not a valid envelope. */
export function readEnvelopeVersion(content: string): number | null

/** Returns whether a parsed value is an envelope of a known version. Its payload is not decrypted. */
export function isValidEnvelope(envelope: unknown): envelope is Envelope
