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
  /**
   * What a program that nobody can ask ends with (R24). Only the errors of {@link resolveApiKey} and {@link parseKeyArgs}
   * have it: without the key it was told to use, a session cannot go on.
   */
  readonly exitCode?: 41
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
 * Finds the flags that choose the session's key, as `--flag value` and as `--flag=value` (R22). Other arguments are
 * ignored, values are not changed, and nothing is resolved: no keyring and no file is touched (R21.3).
 *
 * An argument that starts with `-` is the next flag and no value; a value that does is given as `--flag=value`. Of a
 * repeated flag the last one counts, and `--` ends the flags.
 *
 * @throws SecureStoreError with code `CORRUPT` for a flag without a value (or with one of white space alone), such as
 * `--key-name requires a value`. It never holds a value.
 */
export function parseKeyArgs(argv: readonly string[]): KeyArgs

/**
 * What a host knows of the session's key. `null`, `undefined` and a missing property mean "absent".
 *
 * Empty text, or white space alone, counts as absent in a profile and in the environment. In `key`, `keyName` and `keyfile`,
 * which come from the command line, it is an error.
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
  /** The key's name, the file's path as it was given, or the variable's name; `null` for a raw key and for none. Never the key. */
  reference: string | null
  /**
   * The session settings to set (text) and to clear (`null`), all three of {@link AUTH_EPHEMERAL_SETTINGS}: so that what a
   * profile said does not outlive what overrode it. It holds the reference, never a secret that came from one; a key that
   * was given itself (`--key`, `auth-key`) is its own reference. `{}` for environment and none: nothing to set or clear.
   */
  ephemeral: {
    'auth-key-name'?: string | null
    'auth-keyfile'?: string | null
    'auth-key'?: string | null
  }
  /** Debug lines (R25): what is used, then each source that is present but overridden. They hold no key. */
  diagnostics: string[]
}

/**
 * Finds the key a session uses. The highest source present wins (R23): `--key`, `--key-name`, the profile's
 * `auth-key-name`, `--keyfile`, the profile's `auth-keyfile`, its `auth-key`, the environment variables.
 *
 * `storage` (default: {@link getProviderKeyStorage}) is made and asked only when the winner is a named key. A key file is a
 * regular file of UTF-8 text, at most 1 MiB; white space around the text is cut, a `~` at the start of its path is the home
 * directory, and a relative path starts at the current directory.
 *
 * A failure is final, whatever lower sources there are (R24). Rejects with a {@link SecureStoreError} whose `exitCode` is 41
 * and whose message says which key or file it was: `NOT_FOUND` for a named key or a file that is not there, `CORRUPT` for an
 * invalid name, for a file that is empty, too large or no text, and for a flag's empty value; else what kept keyring or
 * file from being read. Rejects with a `TypeError` for an argument of the wrong type.
 */
export function resolveApiKey(sources: AuthSources, storage?: ProviderKeyStorage): Promise<ResolvedApiKey>

/** The profile settings that say where a key is, for a host's list of valid settings (R21.2). Frozen. */
export const AUTH_EPHEMERAL_SETTINGS: readonly ['auth-key-name', 'auth-keyfile', 'auth-key']

/** What the text after `/key` means (R12). */
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
  /** Whether there is somebody to ask. Without, nothing is overwritten or deleted, `confirmed` or not. Default: `true`. */
  interactive?: boolean | undefined
  /** Whether they agreed to the `confirm_action` that the same text gave before. Default: `false`. */
  confirmed?: boolean | undefined
  /** The whole invocation, as `/key save work sk-…`; comes back in a `confirm_action`. */
  raw?: string | undefined
}

/** What the host does about a `/key` command. Only `session_key` ever holds a key (and `raw`, where the host gave it). */
export type KeyCommandResult =
  /** Show `content`. */
  | { type: 'message'; messageType: 'info' | 'error'; content: string }
  /**
   * Ask `prompt`; if they agree, run the same text again, with `confirmed: true`. `raw` is the context's. Where that gave
   * none it is the invocation, from `/key` on, with the key replaced by `***`: good to show, not to run. A save of `***`,
   * or of what a mask looks like, is refused.
   */
  | { type: 'confirm_action'; prompt: string; originalInvocation: { raw: string } }
  /** Make `apiKey` the session's key, and show `content`: it was loaded by `name`. */
  | { type: 'session_key'; action: 'set'; apiKey: string; name: string; content: string }
  /** Make `apiKey` the session's key: it was typed. */
  | { type: 'session_key'; action: 'set'; apiKey: string; name: null; content: null }
  /** Clear the session's key, or show its status. */
  | { type: 'session_key'; action: 'clear' | 'status'; apiKey: null; name: null; content: null }

/** What the word under the cursor may become. Subcommands have a description, names have none. */
export interface KeyCompletion {
  value: string
  description?: string
}

/** The value of an argument in a {@link KeySchema}. */
export interface KeyValueArgument {
  readonly kind: 'value'
  readonly name: string
  readonly description: string
  /** What may stand there, given what is typed of it; {@link KeyCommand.complete} decides. The context is not looked at. */
  readonly completer?: (context: unknown, partial: string) => Promise<KeyCompletion[]>
  readonly hint?: string
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
 * The `/key` command (R12–R19). The host gives the text after `/key`, and does what the result says.
 *
 * Words are separated by white space of any kind. The first one decides, and case matters: `save`, `load`, `show`, `list`,
 * `delete`; anything else is a key for this session. What follows a name, other than the key of a save, is ignored.
 */
export class KeyCommand {
  /**
   * A command on these keys. Default: {@link getProviderKeyStorage}, as it is now.
   *
   * @throws TypeError when `storage` is given and is no {@link ProviderKeyStorage}.
   */
  constructor(storage?: ProviderKeyStorage)

  /**
   * What the text after `/key` means. Touches nothing; names are not validated.
   *
   * @throws SecureStoreError with code `CORRUPT` for text with an unpaired surrogate, which no key can hold.
   */
  static parse(args: string): KeyInvocation

  /** The subcommands; names are completed from {@link getProviderKeyStorage}, as it is when they are completed. */
  static readonly schema: KeySchema

  /** The subcommands; names are completed from this command's storage. */
  readonly schema: KeySchema

  /**
   * Does what the text after `/key` asks for. Rejects with a TypeError for arguments of a wrong type, and for nothing
   * else: a storage failure is an error message.
   */
  run(args: string, context?: KeyCommandContext): Promise<KeyCommandResult>

  /**
   * What the last word of the text after `/key` may become; white space at its end means that the next word begins. The
   * first word completes the subcommands, the second one saved names where a name is due. `[]` when nothing fits, and
   * when the names cannot be listed.
   *
   * A listing of the names is kept for 5 seconds, or until this process saves or deletes a key through the same storage.
   */
  complete(args: string): Promise<KeyCompletion[]>
}

/**
 * Masks the key in what is typed, before it is shown or kept (R20): in `/key <raw-key>`, in `/key save <name> <key>` and in
 * `/toolkey <tool> <key>`. Everything else stays as it is. The mask is that of {@link maskKeyForDisplay}, so no character is
 * added or lost, and masking what is masked changes nothing.
 *
 * Any string will do, also one with unpaired surrogates.
 */
export class SecureInputHandler {
  /** Whether the first word is `/key`, `/keyfile` or `/toolkey`. */
  shouldUseSecureMode(text: string): boolean
  /**
   * Remembers the text, and returns it masked for display. Masking runs from the key's start to the first line break;
   * what follows the break is kept.
   */
  processInput(text: string): string
  /** The text that was processed last, as it was; `''` when there was none. */
  getActualValue(): string
  /** Whether {@link shouldUseSecureMode} holds for the text that was processed last; `false` when there was none. */
  isInSecureMode(): boolean
  /** Forgets the text. */
  reset(): void
  /**
   * The command as the history may keep it: the key masked from its start to its end, over any number of lines. Of several
   * commands pasted together the first key is masked, with all that follows it.
   */
  sanitizeForHistory(command: string): string
}

/**
 * Something that the store did (R8): what, to which key (by its fingerprint), how it went, how long it took. It never holds
 * a key's name, a value, or an error's message. Which event has which fields is in the README; a field that does not apply
 * is missing.
 */
export interface LogEvent {
  /** When, in milliseconds since 1970. */
  readonly timestamp: number
  /** A failed `operation` or `key_source`, and `credentials_skipped`, is a `warn`, everything else a `debug`. */
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
  /** Which layer says so; what a filter in `LLXPRT_SECURESTORE_LOG` names. */
  readonly target:
    | 'securestore::store'
    | 'securestore::keyring'
    | 'securestore::files'
    | 'securestore::auth'
    | 'securestore::tokens'
  /** What was called, such as `get`. */
  readonly operation?: string
  /** The service. */
  readonly service?: string
  /** The key: the first 8 hex digits of the SHA-256 of its name. Missing where the name is invalid. */
  readonly key?: string
  /** Who answered, the last that was asked. */
  readonly backend?: 'keyring' | 'file'
  /** Whose keyring: the operating system's, or one that a loader gave. */
  readonly keyring?: 'os' | 'injected'
  /** The directory of the file. */
  readonly directory?: string
  /** `absent`: it went well, and there is nothing. */
  readonly outcome?: 'ok' | 'absent' | 'failed'
  /** The code of the failure. */
  readonly code?: SecureStoreErrorCode
  /** Why the encrypted file was asked. */
  readonly fallback?: 'no_keyring' | 'keyring_failed' | 'not_in_keyring' | 'file_is_newer'
  /** How the keyring failed, where that is why. */
  readonly keyring_code?: SecureStoreErrorCode
  /** How many keys it was about. */
  readonly count?: number
  /** What a probe found: whether a value that was written came back. */
  readonly available?: boolean
  /** Why credentials were left out of `getAllCredentials`. */
  readonly reason?: 'unparsable' | 'undecryptable'
  /** Which source the session's key came from. */
  readonly source?: ResolvedApiKey['source']
  /** How long it took, in microseconds. */
  readonly duration_us?: number
  /** How many events were dropped just before this one, because the sink was too slow. */
  readonly dropped?: number
}

/**
 * Hands every event of this environment (the main thread, or this worker) to a function, one by one, in order, on the
 * JavaScript thread; `null` ends that. There is one sink: a new one takes the place of the old one.
 *
 * The events of an operation come before its promise is settled. Up to 1024 events wait for a thread that is busy; those
 * that come then are dropped, and the next one says how many ({@link LogEvent.dropped}). A sink never keeps the process
 * alive, and what it throws, or rejects with, is ignored. Without a sink events cost nothing.
 *
 * @throws TypeError for what is neither a function nor `null`.
 */
export function setLogSink(sink: ((event: LogEvent) => void) | null): void

/** What {@link doctor} found. It names no key. */
export interface DoctorReport {
  versions: {
    /** Of this addon. */
    addon: string
    /** Such as `linux-x64`. */
    platform: string
    /** Such as `node 22.1.0`. */
    runtime: string
  }
  dataDirectory: {
    /** Where all data is. */
    path: string
    /** The rule that chose it, in words. */
    rule: string
  }
  keyring: {
    /** The keyring in use. */
    backend: 'Keychain' | 'Credential Manager' | 'Secret Service' | 'none'
    /** Why that one, or none. */
    why: string
    /** Whether a value that was written came back. */
    works: boolean
    /** How long that, or its failure, took, in milliseconds; `null` where there is no keyring. */
    durationMs: number | null
    /** The failure; `null` when it works, and when it is switched off. */
    code: SecureStoreErrorCode | null
    /** What failed; `null` as `code` is. */
    message: string | null
    /** What a person can do about it; `null` as `code` is. */
    remediation: string | null
  }
  /** Provider keys, tool keys, and each directory in `~/.llxprt/secure-store`. */
  places: Array<{
    /** `provider keys`, `tool keys`, else the service. */
    name: string
    /** The service in the keyring. */
    service: string
    /** Where its files are, or would be. */
    directory: string
    /** How many keys are in the keyring; `null` when it cannot be asked. */
    keyringKeys: number | null
    /** How many keys have an encrypted file; 0 without a directory, `null` when it cannot be looked at. */
    fileKeys: number | null
    /** The directory's mode in octal, such as `'0700'`; `null` without a directory, and on Windows. */
    directoryMode: string | null
    /** Whether others have access to the directory. */
    directoryTooOpen: boolean
    /** How many of the files others have access to. */
    filesTooOpen: number
  }>
  /** Data of earlier programs, as {@link findLegacyData} gives it; `[]` when there is none. */
  legacy: LegacyData[]
  /** What is wrong, and what to do about it, in words for a terminal; `[]` when all is well. */
  problems: Array<{
    /** `info` needs nothing to be done. */
    severity: 'error' | 'warning' | 'info'
    message: string
    remedy: string
  }>
}

/**
 * Examines the operating system's keyring and the places where keys are (R8). It changes nothing, but for a throw-away
 * value that it writes to the keyring, reads back and deletes; a locked keyring may show its one prompt.
 *
 * Resolves within `keyringTimeoutMs` (default 30 000), whatever the keyring does: what fails is in the report. Rejects with
 * a `TypeError` for options of a wrong type or value, and for nothing else.
 */
export function doctor(options?: { keyringTimeoutMs?: number }): Promise<DoctorReport>

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
  /** The data directory to look in, besides `~/.llxprt`. Default: the one in use. */
  dataDir?: string
}): Promise<LegacyData[]>
