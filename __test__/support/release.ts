// Makes the packages as the release does, and installs them into a project. Fetches nothing, and writes only into the given
// directory.

import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ROOT } from './node'

/** The platforms that have a package. */
export const PLATFORMS = readdirSync(path.join(ROOT, 'npm'))

/** The platform whose binary was built here. */
export const BUILT = PLATFORMS.find((name) => readdirSync(ROOT).includes(`securestore.${name}.node`)) ?? ''

/** The packages that are installed with the main package, as the lock file names them. */
export const DEPENDENCIES = Object.entries(
  JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')).packages as Record<string, LockedPackage>,
).flatMap(([folder, { dev, optional }]) => (folder && !dev && !optional ? [folder.replace('node_modules/', '')] : []))

interface LockedPackage {
  dev?: boolean
  optional?: boolean
}

/** A packed package: its archive, and the files in it. */
export interface Packed {
  file: string
  files: string[]
  size: number
}

/** Makes the packages with the commands of the release, in a copy of the files that it needs. */
export function makeRelease(directory: string): {
  root: string
  main: Packed
  platform: Packed
  dependencies: Packed[]
} {
  const root = path.join(directory, 'release')
  const { files } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  for (const name of ['package.json', 'README.md', 'LICENSE', 'npm', 'scripts', ...files]) {
    cpSync(path.join(ROOT, name), path.join(root, name), { recursive: true })
  }
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(root, 'node_modules'))
  for (const name of PLATFORMS) {
    // Only this platform was built. The other packages need a file in place of their binary.
    const target = path.join(root, 'npm', name, `securestore.${name}.node`)
    if (name === BUILT) copyFileSync(path.join(ROOT, `securestore.${name}.node`), target)
    else writeFileSync(target, 'in place of a binary')
  }
  node(root, ['scripts/platform-packages.js', 'licences'])
  node(root, ['node_modules/@napi-rs/cli/dist/cli.js', 'prepublish', '--no-gh-release', '--skip-optional-publish'])
  return {
    root,
    main: pack(root, root),
    platform: pack(root, path.join(root, 'npm', BUILT)),
    dependencies: DEPENDENCIES.map((name) => pack(root, path.join(ROOT, 'node_modules', name))),
  }
}

function pack(root: string, folder: string): Packed {
  const args = ['pack', folder, '--json', '--silent', '--pack-destination', root]
  const output = execFileSync('npm', args, { cwd: root, encoding: 'utf8', env: withoutNpmVariables() })
  const packed = Object.values(JSON.parse(output))[0] as { filename: string; files: { path: string }[]; size: number }
  const files = packed.files.map((file) => file.path).sort()
  return { file: path.join(root, packed.filename), files, size: packed.size }
}

/** Creates a project and installs the packages, with an npm that can reach neither a network nor a compiler. */
export function installInto(project: string, packages: Packed[]): { log: string; env: NodeJS.ProcessEnv } {
  mkdirSync(project, { recursive: true })
  writeFileSync(path.join(project, 'package.json'), JSON.stringify({ private: true }))
  const bin = path.join(project, '.programs')
  mkdirSync(bin)
  for (const program of ['node', 'npm', 'sh']) symlinkSync(find(program), path.join(bin, program))
  const env = { ...withoutNpmVariables(), PATH: bin }
  const args = ['install', '--offline', '--foreground-scripts', '--no-audit', '--no-fund', '--loglevel=info']
  const log = execFileSync('sh', ['-c', 'npm "$@" 2>&1', 'sh', ...args, ...packages.map(({ file }) => file)], {
    cwd: project,
    encoding: 'utf8',
    env,
  })
  return { log, env }
}

/** Returns the files of an installed package. */
export function installedFiles(project: string, name: string): string[] {
  const folder = path.join(project, 'node_modules', name)
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort()
}

/** Runs a script on Node, also when the tests run on another runtime. */
function node(cwd: string, args: string[]): void {
  execFileSync('node', args, { cwd, encoding: 'utf8', env: withoutNpmVariables(), stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Returns the environment without the variables that npm sets for the scripts of this package. */
function withoutNpmVariables(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')))
}

function find(program: string): string {
  return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim()
}
