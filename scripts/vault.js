'use strict'

// npm run test:vault: tests the Vault adapter with a real server, RustyVault. Installs the server with cargo, which takes
// some minutes the first time. The addon must be built.

const { spawn } = require('node:child_process')
const { existsSync, mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { createServer } = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { root, run } = require('./lib/run.js')

const VERSION = '0.2.1'
const FOLDER = path.join(root, 'target', `rusty_vault-${VERSION}`)
const SERVER = path.join(FOLDER, 'bin', process.platform === 'win32' ? 'rvault.exe' : 'rvault')
const CONFIG = 'scripts/vault/vitest.config.mjs'
const START_LIMIT_MS = 20_000

async function main() {
  if (!existsSync(SERVER)) {
    await run('cargo', ['install', 'rusty_vault', '--version', VERSION, '--locked', '--root', FOLDER])
  }
  const directory = mkdtempSync(path.join(os.tmpdir(), 'rusty-vault-'))
  const port = await freePort()
  const address = `http://127.0.0.1:${port}`
  const config = path.join(directory, 'config.hcl')
  writeFileSync(config, configuration(directory, port))
  const server = spawn(SERVER, ['server', '--config', config], { stdio: 'ignore' })
  try {
    await answers(`${address}/v1/sys/init`, server)
    const { keys, root_token: token } = await put(`${address}/v1/sys/init`, { secret_shares: 1, secret_threshold: 1 })
    await put(`${address}/v1/sys/unseal`, { key: keys[0] })
    const real = { address, token, unsealKey: keys[0], pid: server.pid }
    const env = { ...process.env, SECURESTORE_TEST_VAULT: JSON.stringify(real) }
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--no-color', '--config', CONFIG]
    const { code } = await run(process.execPath, vitest, { mayFail: true, env })
    process.exitCode = code
  } finally {
    server.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
}

function configuration(directory, port) {
  return `storage "file" {
  path = "${path.join(directory, 'data')}"
}
listener "tcp" {
  address = "127.0.0.1:${port}"
  tls_disable = "true"
}
api_addr = "http://127.0.0.1:${port}"
pid_file = "${path.join(directory, 'pid')}"
`
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

/** Waits until the server answers. */
async function answers(url, server) {
  const end = Date.now() + START_LIMIT_MS
  for (;;) {
    if (server.exitCode !== null) throw new Error(`The server ended with exit code ${server.exitCode}`)
    try {
      return await fetch(url)
    } catch (error) {
      if (Date.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

async function put(url, body) {
  const response = await fetch(url, { method: 'PUT', body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${new URL(url).pathname} answered ${response.status}`)
  return response.json()
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
