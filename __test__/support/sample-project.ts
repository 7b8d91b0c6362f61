// A TypeScript project made of the samples of a documentation page, in which this package is installed.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ROOT } from './node'

/** Writes the files below `src` of a new project. The options are added to those of this repository's tsconfig.json. */
export function newSampleProject(directory: string, files: Record<string, string>, options: object = {}): void {
  const scope = path.join(directory, 'node_modules', '@llxprt')
  mkdirSync(scope, { recursive: true })
  symlinkSync(ROOT, path.join(scope, 'securestore'))
  for (const [name, code] of Object.entries(files)) writeWithFolders(path.join(directory, 'src', name), code)
  writeFileSync(path.join(directory, 'package.json'), '{"type":"module"}')
  const { compilerOptions } = JSON.parse(readFileSync(path.join(ROOT, 'tsconfig.json'), 'utf8'))
  const ofProject = {
    ...compilerOptions,
    module: 'node16',
    moduleResolution: 'node16',
    noEmit: false,
    rootDir: 'src',
    outDir: 'out',
    typeRoots: [path.join(ROOT, 'node_modules', '@types')],
    ...options,
  }
  writeFileSync(path.join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: ofProject, include: ['src'] }))
}

/** Type-checks the project and compiles it into `out`. Throws when the compiler reports an error. */
export function compileSampleProject(directory: string): void {
  const tsc = path.join(ROOT, 'node_modules', '.bin', 'tsc')
  execFileSync(tsc, ['--project', directory], { encoding: 'utf8', stdio: ['ignore', 'inherit', 'inherit'] })
}

/** Writes a file, and creates the folders that it is in. */
export function writeWithFolders(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
}
