// The derived-key cache in several processes and under real host names.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'

interface Home {
  fallbackDir: string
  machineSecretPath: string
}

function newHome(): Home {
  return { fallbackDir: newDirectory(), machineSecretPath: path.join(newDirectory(), 'machine_secret') }
}

/** Runs a script in a new process, under a host name if one is given. Returns its output and its number of derivations. */
function run(home: Home, script: string, host?: string) {
  const code = `
    const { SecureStore } = require(${JSON.stringify(ROOT)})
    const store = new SecureStore('service', { ...${JSON.stringify(home)}, keytarLoader: async () => null })
    ;(async () => { ${script} })()`
  const node = [process.execPath, '-e', code]
  // Only root may set a host name. Another user becomes root in a user namespace.
  const root = process.getuid?.() === 0 ? [] : ['--map-root-user']
  const setName = ['sh', '-c', 'hostname "$0" && exec "$@"']
  const command = host ? ['unshare', ...root, '--uts', ...setName, host, ...node] : node
  const [program = '', ...args] = command
  const env = { ...process.env, LLXPRT_SECURESTORE_LOG: 'securestore::files=debug' }
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env })
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
  return { output: stdout.trim(), derivations: stderr.split('"key_derived"').length - 1 }
}

test('one derivation is enough for a directory under one identity, in any number of processes', () => {
  const home = newHome()
  const first = run(home, `await store.set('a', 'value of a')`)
  expect(first.derivations).toBe(1)
  expect(existsSync(path.join(home.fallbackDir, '.keys'))).toBe(true)
  const scripts = [
    `console.log(await store.get('a'))`,
    `await store.set('b', 'value of b'); console.log(await store.get('b'))`,
    `for (const key of await store.list()) console.log(await store.get(key))`,
  ]
  const later = scripts.map((script) => run(home, script))
  expect(later.map(({ derivations }) => derivations)).toEqual([0, 0, 0])
  expect(later.map(({ output }) => output)).toEqual(['value of a', 'value of b', 'value of a\nvalue of b'])
})

test.runIf(process.platform === 'linux')('all values are read under four real host names', () => {
  const home = newHome()
  for (const host of ['alpha', 'beta', 'gamma']) {
    run(home, `await store.set(require('node:os').hostname(), 'value')`, host)
  }
  for (const host of ['gamma', 'alpha', 'delta']) {
    const { output, derivations } = run(
      home,
      `for (const key of await store.list()) console.log(key, await store.has(key), await store.get(key))`,
      host,
    )
    expect(output).toBe('alpha true value\nbeta true value\ngamma true value')
    expect(derivations).toBe(0)
  }
})

test('a damaged cache is ignored and written anew', () => {
  const home = newHome()
  run(home, `await store.set('a', 'value')`)
  const cache = path.join(home.fallbackDir, '.keys')
  const good = readFileSync(cache)
  for (const bytes of [Buffer.alloc(0), good.subarray(0, 100), Buffer.from('not a cache')]) {
    writeFileSync(cache, bytes)
    expect(run(home, `console.log(await store.get('a'))`)).toEqual({ output: 'value', derivations: 1 })
    expect(run(home, `console.log(await store.get('a'))`)).toEqual({ output: 'value', derivations: 0 })
  }
  expect(readdirSync(home.fallbackDir).sort()).toEqual(['.keys', 'a.enc'])
})

test('files with different salts, as older programs write them, take one derivation each', () => {
  const home = newHome()
  run(home, `await store.set('a', 'value')`)
  // Each file is written in a new directory, so that it gets a salt of its own.
  const script = `
    const fs = require('node:fs'), path = require('node:path')
    const { fallbackDir, ...rest } = ${JSON.stringify(home)}
    for (let n = 0; n < 12; n++) {
      const dir = fs.mkdtempSync(path.join(fallbackDir, 'one-'))
      await new SecureStore('service', { ...rest, fallbackDir: dir, keytarLoader: async () => null }).set('k' + n, 'v' + n)
      fs.renameSync(path.join(dir, 'k' + n + '.enc'), path.join(fallbackDir, 'k' + n + '.enc'))
      fs.rmSync(dir, { recursive: true, maxRetries: 3 })
    }`
  run(home, script)
  const read = `
    let right = 0
    for (let n = 0; n < 12; n++) if ((await store.get('k' + n)) === 'v' + n) right++
    console.log(right)`
  const first = run(home, read)
  expect(first).toEqual({ output: '12', derivations: 12 })
  const again = run(home, read)
  expect(again.output).toBe('12')
  expect(again.derivations).toBe(0)
})
