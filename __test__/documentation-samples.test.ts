// The TypeScript samples of the README and of docs: they have the right types, and they run. docs/moving.md has a test of its
// own.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'

const pages = ['README.md', ...readdirSync(path.join(ROOT, 'docs')).map((file) => path.join('docs', file))]

/** The samples, each a module of its own. */
const samples = pages.flatMap((page) => {
  if (!page.endsWith('.md') || page.endsWith('moving.md')) return []
  const text = readFileSync(path.join(ROOT, page), 'utf8')
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = ''], index) => ({
    name: `${path.basename(page, '.md')}-${index + 1}`,
    code,
  }))
})

describe('a TypeScript sample', () => {
  const directory = newDirectory()

  beforeAll(() => {
    const scope = path.join(directory, 'node_modules', '@llxprt')
    mkdirSync(scope, { recursive: true })
    mkdirSync(path.join(directory, 'src'))
    symlinkSync(ROOT, path.join(scope, 'securestore'))
    for (const { name, code } of samples) writeFileSync(path.join(directory, 'src', `${name}.ts`), code)
    writeFileSync(path.join(directory, 'package.json'), '{"type":"module"}')
    const { compilerOptions } = JSON.parse(readFileSync(path.join(ROOT, 'tsconfig.json'), 'utf8'))
    const options = {
      ...compilerOptions,
      module: 'node16',
      moduleResolution: 'node16',
      noEmit: false,
      rootDir: 'src',
      outDir: 'out',
      typeRoots: [path.join(ROOT, 'node_modules', '@types')],
    }
    writeFileSync(path.join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['src'] }))
    const tsc = path.join(ROOT, 'node_modules', '.bin', 'tsc')
    execFileSync(tsc, ['--project', directory], { encoding: 'utf8', stdio: ['ignore', 'inherit', 'inherit'] })
  })

  test.each(samples)('$name runs and prints what its comments say', ({ name, code }) => {
    const env = { ...process.env, HOME: newDirectory() }
    const output = execFileSync(process.execPath, [path.join(directory, 'out', `${name}.js`)], {
      encoding: 'utf8',
      env,
    })
    // A comment behind a console.log is what it prints.
    for (const [, printed = ''] of code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)) expect(output).toContain(printed)
  })

  test('is in the guide for every task', () => {
    expect(samples.filter(({ name }) => name.startsWith('guide-')).length).toBeGreaterThanOrEqual(9)
  })
})
