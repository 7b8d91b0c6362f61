// A fake Vault server: the part of the HTTP API that the adapter uses, as the documentation of the API describes it.
// https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const TOKEN = 'hvs.test-token'

interface Secret {
  /** The fields of each version; `null` for a deleted one. */
  versions: Array<Record<string, unknown> | null>
}

interface Answer {
  status: number
  body?: unknown
  headers?: Record<string, string>
}

export class VaultServer {
  /** Mounts by path. */
  readonly mounts = new Map<string, { type: string; version: '1' | '2' }>([['secret', { type: 'kv', version: '2' }]])
  /** Secrets by mount and path. */
  readonly secrets = new Map<string, Secret>()
  /** Requests as `METHOD path`, in their order. */
  readonly requests: string[] = []
  /** The headers of the last request. */
  headers: IncomingMessage['headers'] = {}
  sealed = false
  /** Answers for the next requests, in order. A function that returns `undefined` leaves the request to the server. */
  readonly next: Array<Answer | ((request: string) => Answer | undefined)> = []
  /** The answer to every request except that for the seal status. */
  always: Answer | undefined
  /** Whether a request is never answered. */
  silent = false
  /** Called before each answer. */
  before: (request: string) => Promise<void> | void = () => {}
  /** Whether the answer of the next write is lost after the write took effect. */
  loseNextWrite: 'status' | 'connection' | undefined
  readonly #server: Server
  readonly #namespace: string | undefined

  constructor(options: { namespace?: string } = {}) {
    this.#namespace = options.namespace
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Ends all connections and stops. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Stores a value as another program would, and returns the new version. */
  write(path: string, fields: Record<string, unknown>): number {
    const secret = this.secrets.get(path) ?? { versions: [] }
    secret.versions.push(fields)
    this.secrets.set(path, secret)
    return secret.versions.length
  }

  /** Deletes the current version as `vault kv delete` does: the metadata stay. */
  softDelete(path: string): void {
    const versions = this.secrets.get(path)?.versions ?? []
    versions[versions.length - 1] = null
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const name = `${request.method} ${request.url}`
    this.requests.push(name)
    this.headers = request.headers
    await this.before(name)
    if (this.silent) return
    const text = Buffer.concat(chunks).toString('utf8')
    const { status, body, headers } = this.#answer(request, name, text === '' ? undefined : JSON.parse(text))
    if (status === 0) {
      request.socket.destroy()
      return
    }
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(body === undefined ? undefined : JSON.stringify(body))
  }

  #answer(request: IncomingMessage, name: string, body: { data?: object; options?: { cas?: number } }): Answer {
    const url = new URL(request.url ?? '', this.address)
    if (url.pathname === '/v1/sys/seal-status') return { status: 200, body: { sealed: this.sealed } }
    if (this.sealed) return errors(503, 'Vault is sealed')
    const planned = this.next.shift()
    const answer = typeof planned === 'function' ? planned(name) : planned
    if (answer) return answer
    if (this.always) return this.always
    if (request.headers['x-vault-token'] !== TOKEN) return errors(403, 'permission denied')
    if (request.headers['x-vault-namespace'] !== this.#namespace) return errors(404, 'no handler for route')
    const path = url.pathname.replace(/^\/v1\//, '')
    const mounts = 'sys/internal/ui/mounts/'
    if (path.startsWith(mounts)) return this.#mount(path.slice(mounts.length))
    const mount = [...this.mounts.keys()].find((mount) => path.startsWith(`${mount}/`))
    if (mount === undefined) return errors(404, `no handler for route "${path}"`)
    const rest = path.slice(mount.length + 1)
    if (this.mounts.get(mount)?.version === '1') return this.#version1(request.method, `${mount}/${rest}`, url, body)
    const [kind, ...segments] = rest.split('/')
    const secret = `${mount}/${segments.join('/')}`
    if (kind === 'data') return this.#data(request.method, secret, body)
    if (kind === 'metadata') return this.#metadata(request.method, secret, url)
    return errors(404)
  }

  #mount(path: string): Answer {
    const mount = this.mounts.get(path)
    // As documented, a mount that does not exist and one that the token may not see get the same answer.
    if (!mount) return errors(403, `preflight capability check returned 403`)
    return {
      status: 200,
      body: {
        data: { path: `${path}/`, type: mount.type, options: mount.type === 'kv' ? { version: mount.version } : null },
      },
    }
  }

  #data(method: string | undefined, path: string, body: { data?: object; options?: { cas?: number } }): Answer {
    const versions = this.secrets.get(path)?.versions ?? []
    const version = versions.length
    if (method === 'GET') {
      if (version === 0) return errors(404)
      const fields = versions[version - 1] ?? null
      const deletion_time = fields === null ? '2026-01-01T00:00:00Z' : ''
      const data = { data: fields, metadata: { version, deletion_time, destroyed: false } }
      return { status: fields === null ? 404 : 200, body: { data } }
    }
    if (method !== 'POST' && method !== 'PUT') return errors(405)
    const cas = body.options?.cas
    if (cas !== undefined && cas !== version) {
      return errors(400, 'check-and-set parameter did not match the current version')
    }
    const data = { version: this.write(path, body.data as Record<string, unknown>), destroyed: false }
    const lost = this.loseNextWrite
    this.loseNextWrite = undefined
    if (lost === 'status') return errors(502)
    if (lost === 'connection') return { status: 0 }
    return { status: 200, body: { data } }
  }

  #metadata(method: string | undefined, path: string, url: URL): Answer {
    if (method === 'GET' && url.searchParams.get('list') === 'true') return this.#list(path)
    if (method !== 'DELETE') return errors(405)
    this.secrets.delete(path)
    return { status: 204 }
  }

  #version1(method: string | undefined, path: string, url: URL, body: object): Answer {
    if (method === 'GET' && url.searchParams.get('list') === 'true') return this.#list(path)
    if (method === 'GET') {
      const fields = this.secrets.get(path)?.versions[0]
      return fields ? { status: 200, body: { data: fields } } : errors(404)
    }
    this.secrets.delete(path)
    if (method === 'POST') this.write(path, body as Record<string, unknown>)
    else if (method !== 'DELETE') return errors(405)
    return { status: 204 }
  }

  #list(path: string): Answer {
    const prefix = `${path.replace(/\/$/, '')}/`
    const below = [...this.secrets.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length))
    if (below.length === 0) return errors(404)
    const keys = below.map((name) => (name.includes('/') ? `${name.split('/')[0]}/` : name))
    return { status: 200, body: { data: { keys: [...new Set(keys)].sort() } } }
  }
}

export function errors(status: number, ...errors: string[]): Answer {
  return { status, body: { errors } }
}
