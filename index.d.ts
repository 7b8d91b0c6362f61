/**
 * Keeps API keys and tokens in the operating system's keyring or, if there is none, in encrypted files.
 *
 * Files are encrypted with AES-256-GCM (NIST SP 800-38D) under a key that scrypt (RFC 7914) derives. On Linux and the BSDs
 * the keyring is the Secret Service (freedesktop.org Secret Service API 0.2), on macOS the Keychain, on Windows the
 * Credential Manager.
 *
 * @packageDocumentation
 */

/**
 * The kind of failure of a {@link SecureStoreError}:
 *
 * - `UNAVAILABLE`: there is no keyring, or the file system or the keyring failed
 * - `LOCKED`: the keyring is locked
 * - `DENIED`: access was refused, or the user dismissed the prompt
 * - `CORRUPT`: stored data, or the name of a key, is invalid
 * - `TIMEOUT`: no answer in time
 * - `NOT_FOUND`: there is no such key
 * - `CONFLICT`: another program wrote the same entry at the same moment
 * - `RUNTIME_REPLACED`: the file of the running program was deleted, for example by an upgrade; restart the program
 *
 * No method handles `CONFLICT` or `RUNTIME_REPLACED` by using a file or by resolving to `null`.
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
 * The error of a storage operation. Every rejection and throw that concerns storage is a `SecureStoreError`; a wrong
 * argument type or option value is a `TypeError`. Neither contains a secret.
 */
export class SecureStoreError extends Error {
  /** Creates an error. `remediation` says what a person can do about it. */
  constructor(message: string, code: SecureStoreErrorCode, remediation: string)
  /** `'SecureStoreError'`. */
  readonly name: string
  /** The kind of failure. */
  readonly code: SecureStoreErrorCode
  /** What a person can do about it, in a sentence. */
  readonly remediation: string
  /**
   * The exit code for non-interactive runs. Only the errors of {@link resolveApiKey} and {@link parseKeyArgs} have it,
   * because a session cannot continue without the key that was requested.
   */
  readonly exitCode?: 41
}

/** Returns whether a value is a {@link SecureStoreError} of this module, or of a subclass. */
export function isSecureStoreError(error: unknown): error is SecureStoreError

/**
 * Returns whether a value is an object whose `code` is `RUNTIME_REPLACED`. Its class does not matter, so errors of another
 * copy of this module are recognized too.
 */
export function isRuntimeReplacedError(error: unknown): boolean

/**
 * A keyring with the methods of the `keytar` package. They are called as methods (`this` is the adapter).
 *
 * A rejection with a {@link SecureStoreError} keeps its code, and so does one whose `code` is `RUNTIME_REPLACED`. For any
 * other error, words in the message determine the code, such as `locked`, `denied`, `timed out` or `not found`. If there are
 * none, the code is `UNAVAILABLE`.
 */
export interface KeyringAdapter {
  /** Resolves to the password of an account, `null` when there is none. */
  getPassword(service: string, account: string): Promise<string | null>
  /** Stores or replaces the password of an account. */
  setPassword(service: string, account: string, password: string): Promise<void>
  /** Removes an account. Resolves to `false` when there was none. */
  deletePassword(service: string, account: string): Promise<boolean>
  /**
   * Resolves to all accounts of a service, `[]` when there are none. Without it, `list()` finds only the keys in files.
   *
   * {@link SecureStore.entries} uses these passwords. It reads an account on its own only if its password is not a string.
   */
  findCredentials?(service: string): Promise<Array<{ account: string; password: string }>>
}

/** The former name of {@link KeyringAdapter}. */
export type KeytarAdapter = KeyringAdapter

/** Loads the keyring that a store uses. If it resolves to `null` or throws, the store has no keyring. */
export type KeyringLoader = () => Promise<KeyringAdapter | null>

/**
 * A logger of the host. Each event of a store is one call with a line of text, such as
 * `operation: operation=get service=tokens key=ba7816bf outcome=ok`. The text contains no secret; keys appear only as
 * fingerprints. Errors thrown by the logger are ignored.
 */
export interface StorageLogger {
  /** Logs a message at the level `debug`. */
  debug(message: string | (() => string), ...context: unknown[]): void
  /** Logs a message at the level `warn`: a failed operation, or a notice for the user. */
  warn(message: string | (() => string), ...context: unknown[]): void
  /** Logs a message at the level `error`. Required, although no event has this level so far. */
  error(message: string | (() => string), ...context: unknown[]): void
}

/** The options of a {@link SecureStore}. An option that is `undefined` is ignored. */
export interface SecureStoreOptions {
  /**
   * The directory of the encrypted files. A relative path is resolved when the store is constructed.
   * Default: `<dataDir>/secure-store/<serviceName>` (see {@link configure}). Created, with mode 0700, by the first write.
   */
  fallbackDir?: string | undefined
  /**
   * What a call does when the keyring is unavailable or fails. `'allow'` uses the encrypted files. `'deny'` rejects with the
   * keyring's code (`UNAVAILABLE` without a keyring) and never reads a value from a file or writes one. Default: `'allow'`.
   */
  fallbackPolicy?: 'allow' | 'deny' | undefined
  /**
   * Loads the keyring that replaces the operating system's. Called at most once per store, at its first use, even if a
   * setting or `LLXPRT_DISABLE_OS_KEYRING=1` disables the operating system's keyring.
   */
  keyringLoader?: KeyringLoader | undefined
  /** The former name of {@link SecureStoreOptions.keyringLoader}, which takes precedence when both are given. */
  keytarLoader?: KeyringLoader | undefined
  /**
   * The time limit of a keyring call in milliseconds, after which it fails with `TIMEOUT`. Greater than 0. Default: 30,000.
   */
  keyringTimeoutMs?: number | undefined
  /** The directory of the locks between processes. Default: `<dataDir>/locks`. */
  lockDir?: string | undefined
  /**
   * Loads the machine secret that version-2 files are encrypted with: 16 to 64 bytes. With a loader, no other secret is used
   * for writing. If it resolves to `null`, version 1 is written; over a version-2 file, the call rejects with `UNAVAILABLE`.
   */
  machineSecretLoader?: (() => Promise<Uint8Array | null>) | undefined
  /**
   * The file that holds the machine secret in base64, mode 0600, for machines without a keyring.
   * Default: `<dataDir>/machine_secret`.
   */
  machineSecretPath?: string | undefined
  /**
   * The version of the files that are written. Both versions are always read. Version 1 never replaces a version-2 file:
   * such a write rejects with `UNAVAILABLE`. Default: 2.
   */
  envelopeVersion?: 1 | 2 | undefined
  /** Receives the events of this object as text. Default: the logger of {@link configure}. See also {@link setLogSink}. */
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
 * The options of a class that is built on a store: the options of the store that it creates, or a store to use instead.
 *
 * A {@link SecureStore} is used directly. On a subclass that overrides methods, and on any other object, the methods are
 * called. An error that they throw is treated like the error of a {@link KeyringAdapter}.
 */
export interface StorageOptions extends SecureStoreOptions {
  /** The store to use. The other options of the store are then ignored. */
  secureStore?: SecureStoreLike | undefined
}

/** The new value in {@link SecureStore.update}: a string is stored, `null` deletes the key, `undefined` changes nothing. */
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
 * A store of secrets. It uses the keyring first and encrypted files second.
 *
 * A key must not be empty, `.` or `..`, must not contain `/`, `\` or NUL, and must not be too long for a file name. A value
 * may be any text. A method rejects with `CORRUPT`, before it touches anything, for an invalid key and for a key or value
 * with an unpaired surrogate.
 *
 * Calls may run concurrently. Changes of the same key are made in the order of the calls.
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
   * Rejects with `CONFLICT` when the keyring then holds a different value, which another program wrote. With the policy
   * `'deny'`, rejects with the keyring's code. With `'allow'`, rejects with `DENIED` or `UNAVAILABLE` when the file cannot
   * be written. When the file was written but its directory could not be synced, the message says so: the value is stored,
   * but a crash of the machine may lose it.
   */
  set(key: string, value: string): Promise<void>

  /**
   * Resolves to the value of a key; `null` when there is none.
   *
   * Rejects with the keyring's error when the keyring failed and there is no file, because the keyring may hold a value;
   * with the policy `'allow'`, a keyring that is `UNAVAILABLE` counts as empty. Rejects with `CORRUPT` when the file cannot
   * be decrypted, for example because it comes from another machine.
   */
  get(key: string): Promise<string | null>

  /**
   * Removes a key from keyring and files. Resolves to `true` if either held it.
   *
   * Rejects with the keyring's error when the keyring failed, because it may still hold the value; the file is removed
   * before. Rejects with `UNAVAILABLE` when the keyring reports success but keeps the value.
   */
  delete(key: string): Promise<boolean>

  /**
   * Resolves to the keys in keyring and files, sorted and without duplicates; `[]` only when the store is known to be empty.
   *
   * Rejects when the keyring or the directory could not be listed and the other has no keys. When the other has keys, the
   * failure is ignored; {@link SecureStore.entries} reports it.
   */
  list(): Promise<string[]>

  /**
   * Resolves to whether keyring or files hold the key; `false` only when it is known that neither does.
   *
   * Rejects with the keyring's error when the keyring failed and there is no file; with the policy `'allow'`, a keyring that
   * does not exist counts as empty. Rejects with `CORRUPT` for a malformed file.
   */
  has(key: string): Promise<boolean>

  /**
   * Resolves to whether the keyring works, by writing, reading back and deleting a value. The result is cached for
   * 60 seconds; a timeout is not cached. While a setting disables the keyring, and if the {@link Configuration.keyring}
   * setting is invalid, resolves to `false`.
   *
   * Rejects only with `RUNTIME_REPLACED` and `CONFLICT`.
   */
  isKeychainAvailable(): Promise<boolean>

  /**
   * Changes a value under the lock of its key. Calls `change` with the current value (`null` when there is none), stores the
   * result (see {@link Change}), and resolves to the value that is then stored; `null` when there is none.
   *
   * Rejects with the error that `change` throws; nothing is changed then. Rejects before `change` is called when the current
   * value cannot be read. Otherwise rejects as {@link SecureStore.withLock}, {@link SecureStore.set} and
   * {@link SecureStore.delete} do. When a program that does not use the lock writes the entry in between (`CONFLICT`), `change` is
   * called again with the new value.
   */
  update(key: string, change: (current: string | null) => Change | Promise<Change>): Promise<string | null>

  /**
   * Runs `work` while no other holder, in this process or another, holds the lock of the key, and resolves or rejects as
   * `work` does. Every `set`, `delete` and `update` of the key takes the same lock; those inside `work` run under the lock
   * that is held. `get`, `has` and `list` never wait.
   *
   * The operating system releases the lock when the process ends, even if it is killed. Rejects with `TIMEOUT` when the lock
   * is not free within `keyringTimeoutMs` plus 30 seconds, and with `UNAVAILABLE` when locks are not available in `lockDir`.
   * `work` never runs without the lock.
   */
  withLock<T>(key: string, work: () => T | Promise<T>): Promise<T>

  /**
   * Resolves to the location of the value that {@link SecureStore.get} returns; `null` when there is none. Rejects as
   * {@link SecureStore.get}, except that the file is not decrypted: only a malformed file is `CORRUPT`.
   */
  locate(key: string): Promise<'keyring' | 'file' | null>

  /**
   * Resolves to all keys with their values, in one batch: one listing of keyring and directory each, and one request for all
   * secrets. A value that cannot be read does not affect the others.
   *
   * Does not reject when the keyring or the directory cannot be listed, not even when neither can: then `incomplete` is the
   * error.
   */
  entries(): Promise<StoreEntries>
}

/**
 * Resolves to the operating system's keyring as an adapter; `null` if there is none, or if it is disabled. A locked keyring
 * is returned. The methods of the adapter reject with a {@link SecureStoreError} and do not use `this`.
 */
export function createDefaultKeyringAdapter(): Promise<Required<KeyringAdapter> | null>

/** The settings of {@link configure}. `undefined` does not change a setting, `null` clears it. */
export interface Configuration {
  /**
   * The directory of all data: `provider-keys/`, `tools/`, `secure-store/<service>/`, `machine_secret` and `locks/`. Without
   * this setting, the first of these is used: `LLXPRT_DATA_HOME`, `LLXPRT_CONFIG_HOME` (absolute paths), the data
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
   * The default of {@link SecureStoreOptions.keyringLoader}; `'os'` for the operating system's keyring, `'files'` for
   * encrypted files only. Without this setting, the first of these is used: the environment variable `LLXPRT_KEYRING` (`os`
   * or `files`), the file `keyring.json` in the data directory, which `llxprt-key use` writes, the operating system's
   * keyring. If the variable or the file is invalid, every operation rejects.
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

/** The result of {@link hardenProcess}. */
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
 * Returns the process-wide {@link ProviderKeyStorage} (in a worker thread, the worker's). The first call creates it, and so
 * does the first call after {@link configure}.
 */
export function getProviderKeyStorage(): ProviderKeyStorage

/** Makes the next {@link getProviderKeyStorage} create a new instance, which reads the environment again. */
export function resetProviderKeyStorage(): void

/** The pattern of the names of provider keys: `/^[a-zA-Z0-9._-]{1,64}$/`. */
export const KEY_NAME_REGEX: RegExp

/**
 * Checks the name of a provider key.
 *
 * @throws SecureStoreError with code `CORRUPT`. Its message says what a name may be.
 */
export function validateKeyName(name: string): void

/**
 * Returns a masked key for display. Each character becomes `*`, except the first two and the last two of a key with more
 * than 8 characters. Characters are Unicode code points.
 */
export function maskKeyForDisplay(key: string): string

/** The values of `--key`, `--key-name` and `--keyfile`; `null` if a flag is absent. */
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
 * ignored. Neither the keyring nor files are accessed. Names are trimmed. An empty value of `--key` or
 * `--keyfile` counts as absent.
 *
 * An argument that starts with `-` is the next flag, not a value; pass such a value as `--flag=value`. Of a repeated flag,
 * the last one is used. `--` ends the flags.
 *
 * @throws SecureStoreError with code `CORRUPT` for a flag without a value and for an empty `--key-name`, such as
 * `--key-name requires a value`. The message never holds a value.
 */
export function parseKeyArgs(argv: readonly string[]): KeyArgs

/**
 * The sources of the session's key. A source is absent if its property is missing, `null`, `undefined`, empty or only white
 * space. An empty `keyName` is an error, because its flag must have a value.
 */
export interface AuthSources {
  /** From `--key`. */
  key?: string | null | undefined
  /** From `--key-name`. */
  keyName?: string | null | undefined
  /** From `--keyfile`. */
  keyfile?: string | null | undefined
  /** The settings of the loaded profile, and its name for the diagnostics (an inline profile may have none). */
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
  /** The environment variables that may hold the key, in order of precedence; default: none. */
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
  /**
   * The name of the key, the path of the file as it was given, or the name of the variable; never the key itself. `null` for
   * a raw key, and when no source is present.
   */
  reference: string | null
  /**
   * The session settings to set (text) and to clear (`null`): all three of {@link AUTH_EPHEMERAL_SETTINGS}, so that an
   * overridden setting of the profile is cleared. It contains the reference, not the secret that was read through it; a raw
   * key (`--key`, `auth-key`) is its own reference. `{}` for `environment` and `none`, which change no setting.
   */
  ephemeral: {
    'auth-key-name'?: string | null
    'auth-keyfile'?: string | null
    'auth-key'?: string | null
  }
  /**
   * Lines for a debug log: the source that is used, then each source that is present but overridden. They contain no key.
   */
  diagnostics: string[]
}

/**
 * Resolves to the key that a session uses. The first source that is present is used, in this order: `--key`, `--key-name`,
 * the profile's `auth-key-name`, `--keyfile`, the profile's `auth-keyfile`, its `auth-key`, the environment variables.
 *
 * `storage` (default: {@link getProviderKeyStorage}) is only created and read from when the source is a named key. A key
 * file holds UTF-8 text, at most 1 MiB. White space around the text is removed, a `~` at the start of its path is the home
 * directory, and a relative path is resolved against the current directory.
 *
 * If the source fails, no later source is tried. Rejects with a {@link SecureStoreError} whose `exitCode` is 41
 * and whose message names the key or file: `NOT_FOUND` for a named key or a file that does not exist, `CORRUPT` for an
 * invalid name and for a file that is empty, too large or not text. Otherwise rejects with the error of the keyring or
 * the file system. Rejects with a `TypeError` for an argument of the wrong type.
 */
export function resolveApiKey(sources: AuthSources, storage?: ProviderKeyStorageLike): Promise<ResolvedApiKey>

/** The profile settings that name a key or its source, for a host's list of valid settings. The array is frozen. */
export const AUTH_EPHEMERAL_SETTINGS: readonly ['auth-key-name', 'auth-keyfile', 'auth-key']

/** The parsed text after `/key`. */
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

/** The context of {@link KeyCommand.run}. */
export interface KeyCommandContext {
  /** Whether a user can be asked. If not, nothing is overwritten or deleted, even when `confirmed`. Default: `true`. */
  interactive?: boolean | undefined
  /** Whether the user agreed to the `confirm_action` that the same text returned before. Default: `false`. */
  confirmed?: boolean | undefined
  /** The whole invocation, such as `/key save work sk-…`. It is returned in a `confirm_action`. */
  raw?: string | undefined
}

/** What the host must do after a `/key` command. Only `session_key` contains a key (and `raw`, if the host passed one). */
export type KeyCommandResult =
  /** Show `content`. */
  | { type: 'message'; messageType: 'info' | 'error'; content: string }
  /**
   * Ask `prompt`; if the user agrees, run the same text again with `confirmed: true`. `raw` is the one of the context. If
   * the context has none, it is the invocation with the key replaced by `***`, for display only: a save of `***`, or of text
   * that looks like a mask, is refused.
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

/** An argument in a {@link KeySchema}. */
export interface KeyValueArgument {
  /** `'value'`. */
  readonly kind: 'value'
  /** The name of the argument. */
  readonly name: string
  /** What the argument means. */
  readonly description: string
  /** Resolves to the completions of the typed text, as {@link KeyCommand.complete} does. Ignores the context. */
  readonly completer?: (context: unknown, partial: string) => Promise<KeyCompletion[]>
  /** The text to show while nothing is typed. */
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
 * The `/key` command. The host passes the text after `/key` and acts on the result.
 *
 * Words are separated by white space of any kind. The first word selects the subcommand, and case matters: `save`, `load`,
 * `show`, `list`, `delete`. Anything else is a key for this session. Text after a name, other than the key of a save, is
 * ignored.
 */
export class KeyCommand {
  /**
   * Creates a command for a storage. Default: the current {@link getProviderKeyStorage}.
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

  /** The subcommands. Names are completed from the {@link getProviderKeyStorage} that is current at that time. */
  static readonly schema: KeySchema

  /** The subcommands. Names are completed from this command's storage. */
  readonly schema: KeySchema

  /**
   * Runs the command and resolves to its result. A storage failure resolves to an error message. Rejects only with a
   * `TypeError`, for arguments of a wrong type, and with the error that a getter of `context` throws.
   */
  run(args: string, context?: KeyCommandContext): Promise<KeyCommandResult>

  /**
   * Resolves to the completions of the last word of the text after `/key`; white space at its end means that a new word
   * starts. The first word completes to subcommands and the second one, where a name is expected, to saved names. Resolves
   * to `[]` when nothing matches and when the names cannot be listed.
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
   * Stores the text and returns it masked for display. Masks from the start of the key to the first line break; text after
   * the break stays as it is.
   */
  processInput(text: string): string
  /** Returns the text that was processed last, unmasked; `''` when there was none. */
  getActualValue(): string
  /**
   * Returns whether {@link SecureInputHandler.shouldUseSecureMode} is true of the text that was processed last; `false` when
   * there was none.
   */
  isInSecureMode(): boolean
  /** Discards the stored text. */
  reset(): void
  /**
   * Returns the command for the history: the key is masked from its start to its end, over any number of lines. When several
   * commands are pasted together, everything from the first key on is masked.
   */
  sanitizeForHistory(command: string): string
}

/**
 * An event: the operation, its key (as a fingerprint), its outcome and its duration. It never contains the name of a key, a
 * value, or the message of an error. `docs/logging.md` lists the fields of each event. A field that does not apply is
 * missing.
 */
export interface LogEvent {
  /** The time of the event, in milliseconds since 1970. */
  readonly timestamp: number
  /**
   * `warn` for a failed `operation` or `key_source`, for `credentials_skipped`, for `notice` and for the events of locks;
   * otherwise `debug`.
   */
  readonly level: 'debug' | 'warn'
  /** The kind of event. */
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
  /** The part of the package that emits it, which is also its name in the filter `LLXPRT_SECURESTORE_LOG`. */
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
  /** The key: the first 8 hex digits of the SHA-256 of its name. Missing if the name is invalid. */
  readonly key?: string
  /** The backend that was used last. */
  readonly backend?: 'keyring' | 'file'
  /** Whether it is the operating system's keyring or one of a loader. */
  readonly keyring?: 'os' | 'injected'
  /** The directory of the file. */
  readonly directory?: string
  /** `absent` means that the operation succeeded and there is no such key. */
  readonly outcome?: 'ok' | 'absent' | 'failed'
  /** The code of the failure. */
  readonly code?: SecureStoreErrorCode
  /** Why the encrypted file was used. */
  readonly fallback?: 'no_keyring' | 'keyring_failed' | 'not_in_keyring' | 'file_is_newer' | 'write_unverified'
  /** The code of the keyring's failure, if that is the reason. */
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
 * Sets the function that receives every event of this environment (the main thread, or this worker), one by one and in
 * order, on the JavaScript thread. `null` removes it. There is one sink; a new one replaces the old one.
 *
 * The sink receives the events of an operation before its promise settles. Up to 1,024 events wait while the thread is busy.
 * Further events are dropped, and the next event says how many ({@link LogEvent.dropped}). A sink does not keep the process
 * alive, and errors that it throws are ignored. Without a sink, events cost nothing.
 *
 * The event `notice` is for the user. Each of these is emitted at most once per process: the keyring was refused and is not
 * used again, files are used because there is no keyring, files of version 1 are written because there is no machine secret,
 * a duplicate in the keyring could not be removed without a dialog, the data directory is inside the current project.
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
    /** The keyring in use. A selected keyring has its own name, such as `docker-credential-pass`. */
    backend: 'Keychain' | 'Credential Manager' | 'Secret Service' | 'none' | (string & {})
    /** Why this keyring, or no keyring, is used. */
    why: string
    /** What selected it: `configure`, `LLXPRT_KEYRING` or the path of `keyring.json`; `null` for the default. */
    chosenBy: string | null
    /** Whether a written value could be read back. */
    works: boolean
    /** The duration of that check in milliseconds; `null` if there is no keyring. */
    durationMs: number | null
    /** The code of the failure; `null` when the keyring works, and when it is disabled. */
    code: SecureStoreErrorCode | null
    /** What failed; `null` when `code` is `null`. */
    message: string | null
    /** What a person can do about it; `null` when `code` is `null`. */
    remediation: string | null
  }
  /** The stores that were examined: provider keys, tool keys, and each directory in `<dataDir>/secure-store`. */
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
 * Examines the keyring and the directories of the stores, and resolves to a report. It changes nothing, apart from a value
 * that it writes to the keyring, reads back and deletes. A locked keyring may show the one prompt of the process.
 *
 * Resolves within `keyringTimeoutMs` milliseconds (default 30,000). Failures are in the report. Rejects only with a
 * `TypeError`, for options of a wrong type or value.
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

/** The options of a {@link ToolKeyStorage}. */
export interface ToolKeyStorageOptions extends StorageOptions {
  /**
   * The directory of the encrypted files and of `keyfiles.json`. A relative path is resolved when the storage is
   * constructed. Default: `<dataDir>/tools`. Created, with mode 0700, by the first write.
   */
  toolsDir?: string | undefined
}

/**
 * API keys of tools, in the service `llxprt-code-tool-keys`, and the paths of key files that may hold a key instead.
 *
 * Every method rejects with `CORRUPT`, before it touches anything, for a tool that is not in {@link TOOL_KEY_REGISTRY}:
 * `Invalid tool key name: "<tool>". Supported names: exa`.
 *
 * If the store has no key, an envelope that another program wrote to `<toolsDir>/<tool>.key` is read, except under the policy
 * `'deny'`. Saving or deleting the key removes that file. With a `secureStore` of another service, the file is ignored.
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
   * Resolves to the key that a tool uses: the stored key, otherwise the trimmed first line of its key file; `null` when
   * there is neither. The key file is read at each call. A missing or empty key file counts as none. `~` at the start of its
   * path is the home directory, and a relative path is resolved against the current directory.
   *
   * When the stored key cannot be read, the key file is used; if it contains no key, rejects with the error of the stored
   * key. Also rejects when the key file cannot be read: `DENIED`, `UNAVAILABLE`, or `CORRUPT` (not UTF-8, or
   * more than 1 MiB).
   */
  resolveKey(toolName: string): Promise<string | null>
  /**
   * Stores the path of a tool's key file, unchanged, in `keyfiles.json`. The key file need not exist. Rejects with `CORRUPT`
   * for an empty path, and when `keyfiles.json` is not a JSON map, which then stays as it is.
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
 * Returns the process-wide {@link ToolKeyStorage} (in a worker thread, the worker's). The first call creates it, and so does
 * the first call after {@link configure}.
 */
export function getToolKeyStorage(): ToolKeyStorage

/** An OAuth token. */
export interface OAuthToken {
  /** The access token. */
  accessToken: string
  /** The refresh token. */
  refreshToken?: string
  /** The time at which the access token expires, in milliseconds since 1970. */
  expiresAt?: number
  /** The type of the token, such as `Bearer`. */
  tokenType: string
  /** The scopes, separated by spaces. */
  scope?: string
}

/** The OAuth credentials of an MCP server. Other fields, here and in the token, are stored and returned unchanged. */
export interface OAuthCredentials {
  /** The name of the server. */
  serverName: string
  /** Its token. */
  token: OAuthToken
  /** The client id. */
  clientId?: string
  /** The URL that issues tokens. */
  tokenUrl?: string
  /** The URL of the server. */
  mcpServerUrl?: string
  /** The time at which they were stored, in milliseconds since 1970. */
  updatedAt: number
}

/** The options of a {@link KeychainTokenStorage}. */
export interface TokenStorageOptions extends StorageOptions {
  /**
   * Receives each entry that {@link KeychainTokenStorage.getAllCredentials} leaves out because it cannot be decrypted or
   * parsed. The host can then name the servers to log in to again. `serverName` is the name that
   * {@link KeychainTokenStorage.listServers} resolves to. Errors that the function throws are ignored.
   */
  onBrokenCredentials?: ((serverName: string, error: SecureStoreError) => void) | undefined
}

/** The options of {@link KeychainTokenStorage.refreshCredentials}. */
export interface RefreshOptions {
  /** Returns whether credentials must be refreshed. Default: `token.expiresAt` is at most `leewayMs` away. */
  isStale?: ((credentials: OAuthCredentials) => boolean | Promise<boolean>) | undefined
  /** The time before the expiry from which credentials are stale, in milliseconds, 0 or more. Default: 60,000. */
  leewayMs?: number | undefined
}

/**
 * OAuth credentials of MCP servers, in the keyring or in encrypted files, one entry per server. If the environment has
 * `LLXPRT_FORCE_FILE_STORAGE=true` when the object is constructed, only files are used.
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
   * Resolves to the credentials of a server, even if they are expired; `null` when there are none.
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
  /**
   * Resolves to the accounts, sorted; `[]` when there are none. Rejects when the keyring or the directory could not be
   * listed.
   */
  listServers(): Promise<string[]>
  /**
   * Resolves to the credentials of all accounts, by the names of {@link KeychainTokenStorage.listServers}; an empty map when
   * there are none. Entries that cannot be decrypted or parsed are left out; see
   * {@link TokenStorageOptions.onBrokenCredentials}. Rejects when the keyring or the directory could not be listed or read.
   */
  getAllCredentials(): Promise<Map<string, OAuthCredentials>>
  /**
   * Removes all credentials. When some cannot be removed, removes the others and then rejects with
   * `Failed to clear some credentials: …` and the code of the first failure. Also rejects when the keyring or the directory
   * could not be listed.
   */
  clearAll(): Promise<void>
  /**
   * Resolves to whether credentials can be stored. They can be stored in encrypted files if the policy allows that and the
   * directory can be read (or does not exist yet), otherwise in a keyring that works
   * ({@link SecureStore.isKeychainAvailable}). Never rejects.
   */
  isAvailable(): Promise<boolean>
  /**
   * Resolves to credentials that are not stale; `null` when there are none. Of all processes that find the same stale
   * credentials, exactly one calls `refresh`, under the lock of the entry, and stores the result. The others wait and then
   * read it.
   *
   * Rejects with the error that `refresh` throws; nothing is stored then, and the next caller tries again. Otherwise rejects
   * as {@link SecureStore.withLock}, {@link KeychainTokenStorage.getCredentials} and
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

/** A setting that an extension declares. */
export interface ExtensionSetting {
  /** Its name for people. */
  name: string
  /** What the setting is for. */
  description?: string | undefined
  /** The environment variable of the setting: letters, digits and underscores, not starting with a digit. */
  envVar: string
  /** Whether its value is a secret. Default: `false`. */
  sensitive?: boolean | undefined
}

/** The options of an {@link ExtensionSettingsStorage}. */
export interface ExtensionSettingsOptions extends StorageOptions {
  /** The service. Default: `LLxprt Code Extension <name>`, see {@link ExtensionSettingsStorage}. */
  serviceName?: string | undefined
}

/**
 * The settings of an extension: sensitive ones in the keyring or in encrypted files, the others in plain text in
 * `<extensionDir>/.env`, mode 0600. Values are loaded exactly as they were saved. They may contain any character except NUL.
 *
 * The default service is `LLxprt Code Extension <name>`, with the extension's name reduced to `a-zA-Z0-9-_` and the whole
 * cut at 255 characters; extensions with the same service share their settings. Every method rejects with `CORRUPT`, before
 * it changes anything, for an invalid `envVar`, and for one that is declared both as sensitive and as not sensitive.
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
   * When a value cannot be stored, stores the others and then rejects with the first error.
   */
  saveSettings(settings: ExtensionSetting[], values: Record<string, string | undefined>): Promise<void>
  /**
   * Resolves to the values of the settings, by `envVar`; a setting without a value is left out. Rejects as
   * {@link SecureStore.get} when a sensitive setting may exist but cannot be read.
   */
  loadSettings(settings: ExtensionSetting[]): Promise<Record<string, string | undefined>>
  /**
   * Removes the values of the settings. Without `settings`, removes all data of the extension: its `.env` file and all
   * entries of its service. A missing value is not an error. When a value cannot be removed, removes the others and then
   * rejects as {@link SecureStore.delete}. Also rejects when the keyring or the directory could not be listed.
   */
  deleteSettings(settings?: ExtensionSetting[]): Promise<void>
  /**
   * Resolves to whether any of the settings has a value; without `settings`, whether the extension has any value. Rejects
   * when none was found and the keyring or the directory could not be listed.
   */
  hasSettings(settings?: ExtensionSetting[]): Promise<boolean>
}

/** A file of an older program that this package does not read. */
export interface LegacyData {
  /** The path of the file. */
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
 * Resolves to the files of older programs in `~/.llxprt` and in the data directory: `tools/*.key` (except envelopes, which
 * are read) and `mcp-oauth-tokens-v2.json`; `[]` when there are none. The files are not changed. Rejects with `DENIED` or
 * `UNAVAILABLE` when a directory cannot be listed.
 */
export function findLegacyData(options?: {
  /** The home directory. Default: the user's. */
  homeDir?: string | undefined
  /** The data directory to search, besides `~/.llxprt`. Default: the one in use, unless `homeDir` is given. */
  dataDir?: string | undefined
}): Promise<LegacyData[]>

/** The kind of failure: `UNAVAILABLE` without a machine secret, `CORRUPT` for an envelope that cannot be read. */
export type EnvelopeCodecErrorCode = 'UNAVAILABLE' | 'CORRUPT'

/** A failure of the envelope functions. It is not a {@link SecureStoreError}. */
export class EnvelopeCodecError extends Error {
  /** Creates an error. `remediation` says what a person can do about it. */
  constructor(message: string, code: EnvelopeCodecErrorCode, remediation: string)
  /** `'EnvelopeCodecError'`. */
  readonly name: string
  /** The kind of failure. */
  readonly code: EnvelopeCodecErrorCode
  /** What a person can do about it, in a sentence. */
  readonly remediation: string
}

/** An envelope: the JSON object in an encrypted file. */
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

/** The options of {@link decryptEnvelopeString}: where the machine secret is. */
export interface EnvelopeCodecOptions {
  /**
   * Loads the machine secret; `null` means that there is none. If it throws, the function rejects with that error. Default:
   * the secret in the operating system's keyring, otherwise the one in the file.
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
 * The version is 2, or 1 without a machine secret. If none exists, one is created, unless a loader is given.
 *
 * Rejects with an {@link EnvelopeCodecError} and `UNAVAILABLE` when version 1 would replace version 2.
 */
export function encryptEnvelopeString(
  plaintext: string,
  serviceName: string,
  options?: EncryptEnvelopeStringOptions,
): Promise<string>

/**
 * Decrypts an envelope of a service and resolves to its text. Does not create a machine secret.
 *
 * Rejects with an {@link EnvelopeCodecError} and `CORRUPT` for text that is not an envelope, and for an envelope of another
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
