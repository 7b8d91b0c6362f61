// Types of `@llxprt/securestore/adapters`.

import type { KeyringAdapter } from '../../index'

/** A keyring adapter that can say more than `KeyringAdapter` asks for. */
export interface RemoteKeyringAdapter extends KeyringAdapter {
  /** What it is, such as `docker-credential-pass`. Holds no secret. */
  readonly name: string
  /** Returns the accounts of a service without reading their secrets. Absent if the keyring cannot list. */
  findAccounts?(service: string): Promise<string[]>
}

/** An adapter whose writes can depend on what was read. */
export interface VersionedKeyringAdapter extends RemoteKeyringAdapter {
  findAccounts(service: string): Promise<string[]>
  findCredentials(service: string): Promise<Array<{ account: string; password: string }>>
  /** Reads a value and its version. The value is `null` where there is none; the version of what never existed is 0. */
  getVersioned(service: string, account: string): Promise<{ password: string | null; version: number }>
  /**
   * Stores a value, unless another program has written since that version was current: then it rejects with `CONFLICT`.
   * Resolves with the new version.
   */
  setVersioned(service: string, account: string, password: string, version: number): Promise<number>
  /** Deletes a value under the same condition. Resolves with `false` if there was none. */
  deleteVersioned(service: string, account: string, version: number): Promise<boolean>
}

/** How {@link createVaultAdapter} reaches its server. */
export interface VaultAdapterOptions {
  /** The server, such as `https://vault.example.com:8200`. Default: `VAULT_ADDR`, else `BAO_ADDR`. */
  address?: string
  /** Default: `tokenFile`, else `VAULT_TOKEN`, else `BAO_TOKEN`, else the file `~/.vault-token`. */
  token?: string
  /** A file that holds the token. It is read at each request, so an agent may renew it. */
  tokenFile?: string
  /** The path of a mount of type `kv`, version 1 or 2. Default: `secret`. */
  mount?: string
  /** The path below the mount. Default: `llxprt`; an empty string for the mount itself. */
  prefix?: string
  /** Default: `VAULT_NAMESPACE`, else `BAO_NAMESPACE`, else none. */
  namespace?: string
  /** The time limit of a call, retries included. Default: 10,000. */
  timeoutMs?: number
  /** For how long this process keeps a value in memory. Default: 0, which keeps nothing. */
  cacheMs?: number
}

/** How {@link createDockerCredentialAdapter} runs its helper. */
export interface DockerCredentialAdapterOptions {
  /** The time limit of a program. Default: 20,000. */
  timeoutMs?: number
  /** For how long this process keeps a value in memory. Default: 0, which keeps nothing. */
  cacheMs?: number
  /** The environment of the program. Default: `process.env`. */
  env?: Readonly<Record<string, string | undefined>>
}

/** The commands of {@link createCommandAdapter}. */
export interface CommandAdapterOptions extends DockerCredentialAdapterOptions {
  /**
   * A program and its arguments. It prints the secret. `{service}` and `{account}` in the arguments stand for the names,
   * with every unsafe character escaped as `~` and two hexadecimal digits.
   */
  get: readonly string[]
  /** Reads the secret from its standard input. Without it, writes reject with `DENIED`. */
  set?: readonly string[]
  /** Without it, deletions reject with `DENIED`. */
  delete?: readonly string[]
  /** Prints the accounts of `{service}`, escaped, one per line; the text before the last `/` of a line is ignored. */
  list?: readonly string[]
}

/**
 * Returns an adapter that keeps each account at `<mount>/<prefix>/<service>/<account>` of a Vault server (HashiCorp Vault,
 * OpenBao). Connects at the first call.
 *
 * A write rejects with `CONFLICT` if another program wrote the entry since this adapter read or wrote it.
 *
 * @throws a `SecureStoreError` with `UNAVAILABLE` if no address is given, a `TypeError` for a wrong option
 */
export function createVaultAdapter(options?: VaultAdapterOptions): VersionedKeyringAdapter

/**
 * Returns an adapter for the program `docker-credential-<name>` on the PATH.
 *
 * @throws a `TypeError` for a wrong name or option
 */
export function createDockerCredentialAdapter(
  name: string,
  options?: DockerCredentialAdapterOptions,
): RemoteKeyringAdapter

/**
 * Returns an adapter that runs a program for each call, without a shell.
 *
 * @throws a `TypeError` for a wrong option
 */
export function createCommandAdapter(options: CommandAdapterOptions): RemoteKeyringAdapter
