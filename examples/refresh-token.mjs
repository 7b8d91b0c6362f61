// Five processes notice at the same time that an access token has expired. The provider rotates refresh tokens, and revokes the
// login if a refresh token is used twice. With refreshCredentials, exactly one process refreshes the token.
//
// Run: node examples/refresh-token.mjs

import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { KeychainTokenStorage } from '@llxprt/securestore'

const SERVER = 'example.com'
const PROCESSES = 5

const tokens = new KeychainTokenStorage('securestore-example-oauth')

/** Stores expired credentials, then starts processes that all need a fresh token. */
async function main() {
  const provider = await startProvider()
  await tokens.setCredentials({
    serverName: SERVER,
    tokenUrl: provider.url,
    token: {
      accessToken: 'expired',
      refreshToken: provider.refreshToken,
      expiresAt: Date.now() - 1000,
      tokenType: 'Bearer',
    },
  })
  try {
    const children = Array.from({ length: PROCESSES }, () => fork(fileURLToPath(import.meta.url), ['needs-token']))
    await Promise.all(children.map(nextMessage))
    for (const child of children) child.send('go')
    const accessTokens = await Promise.all(children.map(nextMessage))
    const distinct = new Set(accessTokens)
    console.log(`${PROCESSES} processes, ${provider.refreshes} refresh, ${distinct.size} access token`)
    console.log(`The login is ${provider.revoked ? 'revoked' : 'still valid'}`)
    if (provider.refreshes !== 1 || distinct.size !== 1 || provider.revoked) process.exitCode = 1
  } finally {
    await tokens.deleteCredentials(SERVER)
    provider.stop()
  }
}

/** Runs in each process: sends a fresh access token to the parent. */
async function needsToken() {
  process.send('ready')
  await once(process, 'message')
  const { token } = await tokens.refreshCredentials(SERVER, refresh)
  process.send(token.accessToken)
  process.disconnect()
}

/** Resolves to the next message of a process. Rejects if the process ends without one. */
async function nextMessage(child) {
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')])
  if (typeof message !== 'string') throw new Error(`A process ended with exit code ${message}`)
  return message
}

/** Requests new tokens from the provider. Only one process calls it. */
async function refresh(credentials) {
  const response = await fetch(credentials.tokenUrl, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: credentials.token.refreshToken }),
    signal: AbortSignal.timeout(20_000),
  })
  const answer = await response.json()
  if (!response.ok) throw new Error(`The token could not be refreshed: ${answer.error}`)
  return {
    ...credentials,
    token: {
      ...credentials.token,
      accessToken: answer.access_token,
      refreshToken: answer.refresh_token ?? credentials.token.refreshToken,
      expiresAt: Date.now() + answer.expires_in * 1000,
    },
  }
}

/** Starts an OAuth provider on loopback, with rotation and reuse detection. */
async function startProvider() {
  const provider = { url: '', refreshToken: randomUUID(), refreshes: 0, revoked: false, stop: () => server.close() }
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const isCurrent = new URLSearchParams(body).get('refresh_token') === provider.refreshToken
    if (!isCurrent) provider.revoked = true
    response.setHeader('content-type', 'application/json').setHeader('connection', 'close')
    if (provider.revoked) {
      response.writeHead(400).end(JSON.stringify({ error: 'invalid_grant' }))
      return
    }
    provider.refreshes += 1
    provider.refreshToken = randomUUID()
    const answer = { access_token: randomUUID(), refresh_token: provider.refreshToken, expires_in: 3600 }
    response.end(JSON.stringify(answer))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  provider.url = `http://127.0.0.1:${server.address().port}/token`
  return provider
}

await (process.argv[2] === 'needs-token' ? needsToken() : main())
