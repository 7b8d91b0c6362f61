// The TypeScript samples of the README and of docs are type-checked and run. docs/moving.md has its own test.

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'
import { compileSampleProject, newSampleProject } from './support/sample-project'

const pages = ['README.md', ...readdirSync(path.join(ROOT, 'docs')).map((file) => path.join('docs', file))]

/** The samples. Each is a module. */
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
    newSampleProject(directory, Object.fromEntries(samples.map(({ name, code }) => [`${name}.ts`, code])))
    compileSampleProject(directory)
  })

  test.each(samples)('$name runs and prints what its comments say', ({ name, code }) => {
    const env = { ...process.env, HOME: newDirectory() }
    const output = execFileSync(process.execPath, [path.join(directory, 'out', `${name}.js`)], {
      encoding: 'utf8',
      env,
    })
    // The comment after a console.log is what it prints.
    for (const [, printed = ''] of code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)) expect(output).toContain(printed)
  })

  test('exists for each of the nine tasks of the guide', () => {
    expect(samples.filter(({ name }) => name.startsWith('guide-')).length).toBeGreaterThanOrEqual(9)
  })
})
