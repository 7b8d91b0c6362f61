// Packs the packages as the release does and installs them into an empty project, without network, compiler or Rust.

import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { obstacles } from '../scripts/prepublish.js'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'
import { BUILT, DEPENDENCIES, installedFiles, installInto, makeRelease, PLATFORMS } from './support/release'

const PACKAGES = ['@llxprt/securestore', `@llxprt/securestore-${BUILT}`]
/** Scripts that npm runs when a package is installed, from an archive or a folder. */
const LIFECYCLE = ['preinstall', 'install', 'postinstall', 'preprepare', 'prepare', 'postprepare', 'prepublish']
/** The files of a platform package beside the binary. */
const IN_PACKAGE = ['LICENSE', 'README.md', 'THIRD_PARTY_LICENSES.md', 'package.json']

let release: ReturnType<typeof makeRelease>
let project: string
let installed: ReturnType<typeof installInto>

beforeAll(() => {
  const directory = newDirectory()
  release = makeRelease(directory)
  project = path.join(directory, 'project')
  installed = installInto(project, [release.main, release.platform, ...release.dependencies])
}, 180_000)

describe('the packages', () => {
  test('contain exactly the intended files', () => {
    const bin = readdirSync(path.join(ROOT, 'bin'), { recursive: true, encoding: 'utf8' })
    expect(release.main.files.filter((file) => !/^(bin|lib)\//.test(file))).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'THIRD_PARTY_LICENSES.md',
      'index.d.ts',
      'index.js',
      'package.json',
    ])
    expect(release.main.files.filter((file) => file.startsWith('bin/'))).toEqual(
      bin.flatMap((file) => (file.endsWith('.js') ? `bin/${file}` : [])).sort(),
    )
    const binary = `securestore.${BUILT}.node`
    expect(release.platform.files).toEqual([...IN_PACKAGE, binary])
  })

  test('are installed as they were packed, without any other package', () => {
    expect(installedFiles(project, PACKAGES[0] ?? '')).toEqual(release.main.files)
    expect(installedFiles(project, PACKAGES[1] ?? '')).toEqual(release.platform.files)
    const everything = JSON.parse(readFileSync(path.join(project, 'node_modules/.package-lock.json'), 'utf8')).packages
    expect(Object.keys(everything).sort()).toEqual(
      [...PACKAGES, ...DEPENDENCIES].map((name) => `node_modules/${name}`).sort(),
    )
  })

  test('depend on the package of every platform, in the same version', () => {
    const { optionalDependencies, dependencies, version } = manifest(PACKAGES[0])
    const expected = PLATFORMS.map((name) => [`@llxprt/securestore-${name}`, version])
    expect(optionalDependencies).toEqual(Object.fromEntries(expected))
    // For the shell tool's encrypted files. Loading the package does not load it.
    expect(dependencies).toEqual({ 'age-encryption': expect.stringMatching(/^\d/) })
  })

  test('run no script during installation', () => {
    for (const name of PACKAGES) {
      expect(Object.keys(manifest(name).scripts ?? {}).filter((script) => LIFECYCLE.includes(script))).toEqual([])
    }
    const everything = readFileSync(path.join(project, 'node_modules/.package-lock.json'), 'utf8')
    expect(everything).not.toContain('hasInstallScript')
    // With --foreground-scripts and this log level npm prints each script as `> package@version script` and `info run`.
    expect(installed.log).toContain(`added ${PACKAGES.length + DEPENDENCIES.length} packages`)
    expect(installed.log).not.toMatch(/^> |info run |install-scripts/m)
  })

  test('are published only when nothing is missing', () => {
    // The release workflow adds the repository.
    expect(obstacles(release.root)).toEqual(['package.json has no repository.'])
    const incomplete = path.join(newDirectory(), 'incomplete')
    cpSync(release.root, incomplete, {
      recursive: true,
      filter: (file) => !/node_modules|darwin-x64\.node$/.test(file),
    })
    writeFileSync(path.join(incomplete, 'npm/freebsd-x64/package.json'), JSON.stringify(platformManifest('0.0.0')))
    const { version } = manifest(PACKAGES[0])
    expect(obstacles(incomplete)).toEqual([
      'npm/darwin-x64/securestore.darwin-x64.node is missing.',
      `npm/freebsd-x64 has version 0.0.0, not ${version}.`,
      'package.json has no repository.',
    ])
  })

  test('are not published from a clone', () => {
    const { status, stderr } = spawnSync('node', ['scripts/prepublish.js'], { cwd: ROOT, encoding: 'utf8' })
    expect(status).toBe(1)
    for (const name of PLATFORMS) expect(stderr).toContain(`npm/${name}/securestore.${name}.node is missing.`)
    expect(JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')).scripts.prepublishOnly).toBe(
      'node scripts/prepublish.js',
    )
  })

  test('need no shared library beyond the C library', { skip: process.platform !== 'linux' }, () => {
    const binary = path.join(project, 'node_modules', PACKAGES[1] ?? '', `securestore.${BUILT}.node`)
    const needed = execFileSync('ldd', [binary], { encoding: 'utf8' }).trim().split('\n')
    const names = needed.map((line) => path.basename(line.trim().split(' ')[0] ?? ''))
    expect(names).toContain('libc.so.6')
    const everywhere = /^(linux-vdso|libc|libm|libgcc_s|ld-linux-[\w-]+|libpthread|libdl)\.so\.\d$/
    expect(names.filter((name) => !everywhere.test(name))).toEqual([])
  })
})

describe('a project with the packages installed', () => {
  const SAVE = "new s.SecureStore('installed', { fallbackPolicy: 'allow' }).set('key', 'value')"
  const READ = "new s.SecureStore('installed').get('key')"

  test('loads them from CommonJS', () => {
    const code = `const s = require('@llxprt/securestore')
${SAVE}.then(() => ${READ}).then(console.log)`
    expect(runFile('commonjs.cjs', code)).toBe('value\n')
  })

  test('loads them from ES modules', () => {
    const code = `import * as s from '@llxprt/securestore'
import { SecureStoreError } from '@llxprt/securestore'
await ${SAVE}
console.log(await ${READ}, SecureStoreError.name)`
    expect(runFile('modules.mjs', code)).toBe('value SecureStoreError\n')
  })

  test.each([
    ['node16', 'node16'],
    ['esnext', 'bundler'],
  ])('type-checks with module %s and moduleResolution %s', (module, moduleResolution) => {
    for (const [file, consumer] of [
      ['consumer.mts', 'modules.mts'],
      ['consumer.cts', 'commonjs.cts'],
    ] as const) {
      // Bundlers do not support `import = require`.
      if (module === 'esnext' && file.endsWith('.cts')) continue
      const code = readFileSync(path.join(ROOT, '__test__/consumers', consumer), 'utf8')
      writeFileSync(path.join(project, file), code)
      expect(typecheck([file], module, moduleResolution)).toBe('')
    }
    writeFileSync(path.join(project, 'wrong.mts'), "import { noSuchExport } from '@llxprt/securestore'\nnoSuchExport()")
    expect(typecheck(['wrong.mts'], module, moduleResolution)).toContain('noSuchExport')
  })

  test('has llxprt-key, and the credential helpers of git and docker', () => {
    const run = (program: string, args: string[], input: string, env: NodeJS.ProcessEnv) => {
      const file = path.join(project, 'node_modules/.bin', program)
      return execFileSync(process.execPath, [file, ...args], { env, input, encoding: 'utf8', stdio: 'pipe' })
    }
    const env = environment()
    expect(run('llxprt-key', ['list'], '', env)).toContain('No saved keys')
    run('llxprt-key', ['save', 'work'], 'a key', env)
    run('llxprt-key', ['export', '--output', path.join(project, 'keys.age')], 'a passphrase', env)
    expect(readFileSync(path.join(project, 'keys.age'), 'latin1')).toMatch(/^age-encryption\.org\/v1\n-> scrypt /)
    expect(run('docker-credential-llxprt', ['list'], '', env)).toBe('{}\n')
    expect(run('git-credential-llxprt', ['get'], 'protocol=https\nhost=example.com\n\n', env)).toBe('')
  })

  test('gets an error that names the platform package when it is not installed', () => {
    const bare = path.join(newDirectory(), 'project')
    installInto(bare, [release.main, ...release.dependencies])
    const code = "try { require('@llxprt/securestore') } catch (error) { console.log(error.message) }"
    expect(runFile('bare.cjs', code, bare)).toContain(`the optional dependency @llxprt/securestore-${BUILT}`)
  })
})

function platformManifest(version: string) {
  return { ...JSON.parse(readFileSync(path.join(release.root, 'npm/freebsd-x64/package.json'), 'utf8')), version }
}

function manifest(name = '') {
  return JSON.parse(readFileSync(path.join(project, 'node_modules', name, 'package.json'), 'utf8'))
}

function runFile(name: string, code: string, folder = project): string {
  writeFileSync(path.join(folder, name), code)
  return execFileSync(process.execPath, [name], { cwd: folder, env: environment(), encoding: 'utf8' })
}

function environment(): NodeJS.ProcessEnv {
  return { ...installed.env, HOME: newDirectory() }
}

/** Returns the compiler's messages; an empty string when there are none. */
function typecheck(files: string[], module: string, moduleResolution: string): string {
  const compiler = path.join(ROOT, 'node_modules/typescript/bin/tsc')
  const types = ['--typeRoots', path.join(ROOT, 'node_modules/@types'), '--types', 'node']
  const options = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2022', ...types]
  try {
    const args = [compiler, ...options, '--module', module, '--moduleResolution', moduleResolution, ...files]
    return execFileSync('node', args, { cwd: project, encoding: 'utf8' })
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}
