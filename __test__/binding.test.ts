// lib/binding.js: how the binary is found in folders with different contents. Each search runs in a new process.

import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'

const HERE = `${process.platform}-${process.arch}`
const NAME = readdirSync(ROOT).flatMap((file) => /^securestore\.(.+)\.node$/.exec(file)?.[1] ?? [])[0] ?? ''
const BUILD_IT = "'npm ci' and 'npm run build' in a clone of the repository"

describe('lib/binding.js', () => {
  test('loads the binary that was built here, even if a platform package is installed', async () => {
    const folder = newFolder()
    copyFileSync(path.join(ROOT, `securestore.${NAME}.node`), path.join(folder, `securestore.${NAME}.node`))
    installPackage(folder, NAME)
    expect(await load(folder)).toEqual({ exports: expect.arrayContaining(['SecureStore']) })
  })

  test('loads the platform package if nothing was built here', async () => {
    const folder = newFolder()
    installPackage(folder, NAME)
    expect(await load(folder)).toEqual({ exports: ['package', NAME] })
  })

  test('loads the platform package if the binary that was built here is broken', async () => {
    const folder = newFolder()
    writeFileSync(path.join(folder, `securestore.${NAME}.node`), 'not a library')
    installPackage(folder, NAME)
    expect(await load(folder)).toEqual({ exports: ['package', NAME] })
  })

  test('loads the package of the other C library if only that one loads', async () => {
    const folder = newFolder()
    installPackage(folder, 'linux-x64-gnu', "throw new Error('libc.so.6: version `GLIBC_2.17 not found')")
    installPackage(folder, 'linux-x64-musl')
    expect(await load(folder, 'linux', 'x64')).toEqual({ exports: ['package', 'linux-x64-musl'] })
  })

  test('reports in one sentence which package is missing, and the remedy', async () => {
    const { error } = await load(newFolder())
    expect(error).toContain(`cannot find its binary for ${HERE}, the optional dependency @llxprt/securestore-${NAME}`)
    expect(error).toContain("without '--omit=optional'")
    expect(error).toContain(BUILD_IT)
    expect(error).toMatch(/^[^\n]*\.$/)
  })

  test('reports in one sentence why a binary does not load, and the remedy', async () => {
    const folder = newFolder()
    writeFileSync(path.join(folder, `securestore.${NAME}.node`), 'not a library')
    const { error, cause } = await load(folder)
    expect(error).toContain(`has a binary for ${HERE} that cannot be loaded (../securestore.${NAME}.node: `)
    expect(error).toContain('install the package again')
    expect(error).toContain(BUILD_IT)
    expect(error).toMatch(/^[^\n]*\.$/)
    expect(cause).toBe('Error')
  })

  test('reports every binary that does not load', async () => {
    const folder = newFolder()
    installPackage(folder, 'linux-x64-gnu', "throw new Error('version `GLIBC_2.17 not found\\n(required by it)')")
    installPackage(folder, 'linux-x64-musl', "throw new Error('libc.musl-x86_64.so.1: cannot open')")
    const { error } = await load(folder, 'linux', 'x64')
    expect(error).toContain(
      '(@llxprt/securestore-linux-x64-gnu: version `GLIBC_2.17 not found; ' +
        '@llxprt/securestore-linux-x64-musl: libc.musl-x86_64.so.1: cannot open)',
    )
  })

  test('reports a platform without a binary', async () => {
    for (const [platform, arch] of [
      ['sunos', 'x64'],
      ['linux', 'riscv64'],
      ['win32', 'ia32'],
    ] as const) {
      const { error } = await load(newFolder(), platform, arch)
      expect(error).toMatch(
        new RegExp(`^@llxprt/securestore has no binary for ${platform}-${arch}: build it from source`),
      )
      expect(error).toContain(BUILD_IT)
    }
  })

  test.each([
    ['darwin', 'arm64', 'darwin-arm64'],
    ['darwin', 'x64', 'darwin-x64'],
    ['freebsd', 'x64', 'freebsd-x64'],
    ['linux', 'arm64', 'linux-arm64-gnu'],
    ['linux', 'arm64', 'linux-arm64-musl'],
    ['linux', 'x64', 'linux-x64-gnu'],
    ['linux', 'x64', 'linux-x64-musl'],
    ['win32', 'arm64', 'win32-arm64-msvc'],
    ['win32', 'x64', 'win32-x64-msvc'],
  ])('finds on %s %s the package %s', async (platform, arch, name) => {
    const folder = newFolder()
    installPackage(folder, name)
    expect(await load(folder, platform, arch)).toEqual({ exports: ['package', name] })
  })
})

describe('the packages of the platforms', () => {
  const main = manifest(ROOT)
  const folders = readdirSync(path.join(ROOT, 'npm'))

  test('are those that lib/binding.js searches', () => {
    const list = /PUBLISHED = \[(.*?)\]/s.exec(readFileSync(path.join(ROOT, 'lib/binding.js'), 'utf8'))?.[1] ?? ''
    expect([...list.matchAll(/'(.+?)'/g)].map(([, name]) => name)).toEqual([...folders].sort())
    expect(main.napi.targets).toHaveLength(folders.length)
  })

  test.each(folders)('%s matches package.json', (name) => {
    const [os, cpu, abi] = name.split('-')
    const file = `securestore.${name}.node`
    const { description, ...rest } = manifest(path.join(ROOT, 'npm', name))
    expect(description).toContain('@llxprt/securestore')
    expect(rest).toEqual({
      name: `@llxprt/securestore-${name}`,
      version: main.version,
      keywords: main.keywords,
      author: main.author,
      license: main.license,
      engines: main.engines,
      publishConfig: main.publishConfig,
      main: file,
      files: [file, 'THIRD_PARTY_LICENSES.md'],
      os: [os],
      cpu: [cpu],
      ...(os === 'linux' && { libc: [abi === 'gnu' ? 'glibc' : 'musl'] }),
    })
  })

  test('are built by the workflow, and deny.toml checks their crates', () => {
    const workflow = readFileSync(path.join(ROOT, '.github/workflows/ci.yml'), 'utf8')
    const built = [...workflow.matchAll(/name: binary-([\w-]+)$|\{ platform: ([\w-]+), target: /gm)]
    expect(new Set(built.map(([, alone, listed]) => alone ?? listed))).toEqual(new Set(folders))
    const list = /^targets = \[(.*?)\]/ms.exec(readFileSync(path.join(ROOT, 'deny.toml'), 'utf8'))?.[1] ?? ''
    expect([...list.matchAll(/"(.+?)"/g)].map(([, target]) => target)).toEqual(main.napi.targets)
  })

  test('have the version of the crate', () => {
    const version = /^version = "(.*)"$/m.exec(readFileSync(path.join(ROOT, 'Cargo.toml'), 'utf8'))?.[1]
    expect(version).toBe(main.version)
  })
})

function newFolder(): string {
  const folder = newDirectory()
  mkdirSync(path.join(folder, 'lib'))
  copyFileSync(path.join(ROOT, 'lib/binding.js'), path.join(folder, 'lib/binding.js'))
  return folder
}

/** Installs a platform package that exports its own name in place of an addon. */
function installPackage(folder: string, name: string, code = `module.exports = ['package', '${name}']`): void {
  const target = path.join(folder, 'node_modules/@llxprt', `securestore-${name}`)
  mkdirSync(target, { recursive: true })
  writeFileSync(path.join(target, 'package.json'), JSON.stringify({ main: 'index.js' }))
  writeFileSync(path.join(target, 'index.js'), code)
}

interface Loaded {
  exports?: string[]
  error?: string
  cause?: string
}

/** Loads `lib/binding.js` in a process that reports this platform. */
async function load(folder: string, platform: string = process.platform, arch: string = process.arch): Promise<Loaded> {
  const program = `
    Object.defineProperty(process, 'platform', { value: ${JSON.stringify(platform)} })
    Object.defineProperty(process, 'arch', { value: ${JSON.stringify(arch)} })
    let result
    try {
      const found = require(${JSON.stringify(path.join(folder, 'lib/binding.js'))})
      result = { exports: Array.isArray(found) ? found : Object.keys(found) }
    } catch (error) {
      result = { error: error.message, cause: error.cause?.name }
    }
    console.log(JSON.stringify(result))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program])
  return JSON.parse(stdout)
}

function manifest(folder: string) {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
}
