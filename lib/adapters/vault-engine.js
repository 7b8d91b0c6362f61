'use strict'

// The operations of Vault's key-value secrets engine, versions 1 and 2. The server is asked which version a mount has.

const { storeError } = require('./errors.js')

/** The field of a secret that holds the value. */
const FIELD = 'value'

/**
 * Determines the version of a mount, and resolves to its operations:
 *
 * - `read(deadline, path)` resolves to `{ value, version }`. The value is `null` if there is none. The version is 0 if the secret
 *   never existed, and always 0 with version 1 of the engine.
 * - `write(deadline, path, value, version)` resolves to the new version. Rejects with `CONFLICT` if `version` is not the
 *   current version.
 * - `remove(deadline, path)` removes the secret with all its versions.
 * - `list(deadline, path)` resolves to the names below a path.
 *
 * @param {import('./vault-client.js').VaultClient} client
 * @param {string[]} mount
 */
async function openEngine(client, deadline, mount) {
  const { status, body } = await client.request(deadline, 'GET', ['sys', 'internal', 'ui', 'mounts', ...mount])
  if (status === 403) {
    throw storeError(
      'DENIED',
      `${client.name} refused access to mount '${mount.join('/')}' (403)`,
      'Check that the mount exists, that the token is valid, and that its policy grants access to the mount',
    )
  }
  // A server without this endpoint does not have version 2 of the engine. With a namespace, 404 may also mean that the
  // namespace does not exist.
  if (status === 404 && !client.hasNamespace) return version1(client, mount, 'LIST')
  const type = body?.data?.type
  if (status !== 200 || typeof type !== 'string') throw unexpected(client, 'the request for its mount', status)
  if (type !== 'kv' && type !== 'generic') {
    throw storeError(
      'UNAVAILABLE',
      `Mount '${mount.join('/')}' of ${lowerFirst(client.name)} is not a key-value store`,
      "Use the path of a mount of type 'kv'",
    )
  }
  return body.data.options?.version === '2' ? version2(client, mount) : version1(client, mount)
}

function version2(client, mount) {
  const data = (path) => [...mount, 'data', ...path]
  const metadata = (path) => [...mount, 'metadata', ...path]
  const read = async (deadline, path) => {
    const { status, body } = await client.request(deadline, 'GET', data(path))
    // The 404 for a deleted secret contains its version; the one for a secret that never existed does not.
    const version = Number(body?.data?.metadata?.version ?? 0)
    if (status === 404) return { value: null, version }
    if (status !== 200) throw refused(client, 'read', path, status)
    return { value: textOf(client, path, body?.data?.data), version }
  }
  return {
    read,
    async write(deadline, path, value, version) {
      const body = { options: { cas: version }, data: { [FIELD]: value } }
      const { status, body: answer, attempts } = await client.request(deadline, 'POST', data(path), { body })
      if (status === 200) return Number(answer?.data?.version ?? version + 1)
      if (status !== 400) throw refused(client, 'write', path, status)
      // The server refused either the version or the request. If the version is not the current one, it refused the version.
      const current = await read(deadline, path)
      if (current.version === version) throw refused(client, 'write', path, status)
      // An earlier attempt may have succeeded although the server answered with a failure.
      if (attempts > 1 && current.version === version + 1 && current.value === value) return current.version
      throw storeError(
        'CONFLICT',
        `Another program wrote ${path.join('/')} on ${lowerFirst(client.name)} at the same time`,
      )
    },
    remove: remover(client, metadata),
    list: lister(client, metadata),
  }
}

function version1(client, mount, listMethod = 'GET') {
  const at = (path) => [...mount, ...path]
  return {
    async read(deadline, path) {
      const { status, body } = await client.request(deadline, 'GET', at(path))
      if (status === 404) return { value: null, version: 0 }
      if (status !== 200) throw refused(client, 'read', path, status)
      return { value: textOf(client, path, body?.data), version: 0 }
    },
    async write(deadline, path, value) {
      const { status } = await client.request(deadline, 'POST', at(path), { body: { [FIELD]: value } })
      if (status !== 200 && status !== 204) throw refused(client, 'write', path, status)
      return 0
    },
    remove: remover(client, at),
    list: lister(client, at, listMethod),
  }
}

function remover(client, at) {
  return async (deadline, path) => {
    const { status } = await client.request(deadline, 'DELETE', at(path))
    if (status !== 200 && status !== 204 && status !== 404) throw refused(client, 'delete', path, status)
  }
}

/**
 * Returns the operation `list`. `GET` with `?list=true` passes proxies that refuse `LIST`; some servers support only `LIST`.
 */
function lister(client, at, method = 'GET') {
  const query = method === 'GET' ? '?list=true' : ''
  return async (deadline, path) => {
    const { status, body } = await client.request(deadline, method, at(path), { query })
    if (status === 404) return []
    const names = body?.data?.keys
    if (status !== 200 || !Array.isArray(names)) throw refused(client, 'list', path, status)
    return names.filter((name) => typeof name === 'string')
  }
}

function textOf(client, path, fields) {
  if (fields === null || fields === undefined) return null
  if (typeof fields[FIELD] === 'string') return fields[FIELD]
  throw storeError('CORRUPT', `${path.join('/')} on ${lowerFirst(client.name)} has no text in the field '${FIELD}'`)
}

function refused(client, verb, path, status) {
  if (status === 403) {
    return storeError(
      'DENIED',
      `${client.name} refused to ${verb} ${path.join('/')} (403)`,
      `Check that the token is valid and that its policy grants '${verb}' on this path`,
    )
  }
  return unexpected(client, `the request to ${verb} ${path.join('/')}`, status)
}

function unexpected(client, what, status) {
  return storeError(
    'UNAVAILABLE',
    `${client.name} answered ${what} with status ${status}`,
    'Check that the address, the mount and the namespace are those of a Vault server',
  )
}

const lowerFirst = (text) => text[0].toLowerCase() + text.slice(1)

module.exports = { openEngine }
