// Types of `@llxprt/securestore/adapters`.

import type { KeyringAdapter } from '../../index'

/** A keyring adapter with a name that may list accounts without their secrets. */
export interface RemoteKeyringAdapter extends KeyringAdapter {
  /** The name of the keyring, such as `docker-credential-pass`. It contains no secret. */
  readonly name: string
  /**
   * Resolves to the accounts of a service, `[]` when there are none, without reading their secrets. Missing if the keyring
   * cannot list.
   */
  findAccounts?(service: string): Promise<string[]>
}

/** A keyring adapter with conditional writes, which name the version that was read. */
export interface VersionedKeyringAdapter extends RemoteKeyringAdapter {
  findAccounts(service: string): Promise<string[]>
  findCredentials(service: string): Promise<Array<{ account: string; password: string }>>
  /**
   * Resolves to a password and its version. The password is `null` when there is none. The version is 0 for an account that
   * never existed, and always 0 on a server without versions.
   */
  getVersioned(service: string, account: string): Promise<{ password: string | null; version: number }>
  /**
   * Stores a password if `version` is the current version, and resolves to the new version. Rejects with `CONFLICT` if
   * another program has written since.
   */
  setVersioned(service: string, account: string, password: string, version: number): Promise<number>
  /**
   * Deletes an account if `version` is the current version. Resolves to `false` when there was none. Rejects with `CONFLICT`
   * if another program has written since.
   */
  deleteVersioned(service: string, account: string, version: number): Promise<boolean>
}

/** The options of {@link createVaultAdapter}. */
export interface VaultAdapterOptions {
  /** The URL of the server, such as `https://vault.example.com:8200`. Default: `VAULT_ADDR`, otherwise `BAO_ADDR`. */
  address?: string
  /**
   * The token. Default: the token in `tokenFile`, `VAULT_TOKEN`, `BAO_TOKEN` or the file `~/.vault-token`, in this order.
   */
  token?: string
  /** A file with the token. It is read at each request, so an agent may renew it. Must not be combined with `token`. */
  tokenFile?: string
  /** The path of a mount of type `kv`, version 1 or 2. Default: `secret`. */
  mount?: string
  /** The path below the mount; an empty string for the mount itself. Default: `llxprt`. */
  prefix?: string
  /** The namespace. Default: `VAULT_NAMESPACE`, otherwise `BAO_NAMESPACE`, otherwise none. */
  namespace?: string
  /** The time limit of a call in milliseconds, retries included; from 1. Default: 10,000. */
  timeoutMs?: number
  /** The time for which this process caches a value, in milliseconds. Default: 0, no cache. */
  cacheMs?: number
}

/** The options of {@link createDockerCredentialAdapter}. */
export interface DockerCredentialAdapterOptions {
  /** The time limit of one run of the program in milliseconds, from 1. Default: 20,000. */
  timeoutMs?: number
  /** The time for which this process caches a value, in milliseconds. Default: 0, no cache. */
  cacheMs?: number
  /** The environment of the program. Default: `process.env`, as it is when the program starts. */
  env?: Readonly<Record<string, string | undefined>>
}

/**
 * The options of {@link createCommandAdapter}. Each command is a program and its arguments, run without a shell.
 *
 * In the arguments, `{service}` and `{account}` are replaced by the names, in which every unsafe character is escaped as `~`
 * and two hexadecimal digits. The program must be an absolute path or a name on the PATH.
 */
export interface CommandAdapterOptions extends DockerCredentialAdapterOptions {
  /** Prints the secret. One line end after it is removed. */
  get: readonly string[]
  /** Reads the secret from its standard input and stores it. Without this command, writes reject with `DENIED`. */
  set?: readonly string[]
  /** Deletes the entry. Without this command, deletions reject with `DENIED`. */
  delete?: readonly string[]
  /**
   * Prints the escaped accounts of `{service}`, one per line. The text before the last `/` of a line is ignored. Without
   * this command, the adapter cannot list.
   */
  list?: readonly string[]
}

/**
 * Returns an adapter that stores each account at `<mount>/<prefix>/<service>/<account>` of a Vault server (HashiCorp Vault,
 * OpenBao). It connects at the first call.
 *
 * The methods reject with a `SecureStoreError`: `LOCKED` if the server is sealed, `DENIED` without a valid token or
 * permission, `TIMEOUT` without an answer within `timeoutMs`, `CORRUPT` for a secret without text in its field `value`,
 * `UNAVAILABLE` for other failures. A write rejects with `CONFLICT` if another program wrote the entry since this adapter
 * last read or wrote it; version 1 of the engine cannot detect that.
 *
 * @throws SecureStoreError with code `UNAVAILABLE` if no address is given.
 * @throws TypeError for an option that is unknown, or of a wrong type or value.
 */
export function createVaultAdapter(options?: VaultAdapterOptions): VersionedKeyringAdapter

/**
 * Returns an adapter that runs the program `docker-credential-<name>`, which must be on the PATH.
 *
 * The methods reject with a `SecureStoreError`: `UNAVAILABLE` or `DENIED` if the program cannot be started, `TIMEOUT` if it
 * does not end within `timeoutMs`, `CORRUPT` for output that is not JSON in UTF-8. If the program fails, words in its output
 * determine the code.
 *
 * @throws TypeError for an invalid name, and for an option that is unknown, or of a wrong type or value.
 */
export function createDockerCredentialAdapter(
  name: string,
  options?: DockerCredentialAdapterOptions,
): RemoteKeyringAdapter

/**
 * Returns an adapter that runs a program for each call.
 *
 * The methods reject with a `SecureStoreError`: `UNAVAILABLE` or `DENIED` if the program cannot be started, `TIMEOUT` if it
 * does not end within `timeoutMs`, `CORRUPT` for output that is not UTF-8. If the program fails, words on its standard error
 * determine the code.
 *
 * @throws TypeError for an option that is unknown, missing, or of a wrong type or value.
 */
export function createCommandAdapter(options: CommandAdapterOptions): RemoteKeyringAdapter
