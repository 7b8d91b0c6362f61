// docs/moving.md: its code is type-checked and run, and its comparison with the former stores is complete.

import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { MODULES, PACKAGES } from './moving/cli-today'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'
import { compileSampleProject, newSampleProject, writeWithFolders } from './support/sample-project'

const page = readFileSync(path.join(ROOT, 'docs', 'moving.md'), 'utf8')

/** What the page compares for each of the former stores. */
const ROWS = [
  'account name',
  'stored as',
  'availability test',
  'keyring fails',
  'files',
  'forced to files',
  'read of a corrupt file',
]

describe('R7A docs/moving.md', () => {
  const directory = newDirectory()
  const blocks = [...page.matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, name = '', code = '']) => ({
    name,
    code,
  }))

  beforeAll(() => {
    const files = { ...Object.fromEntries(blocks.map(({ name, code }) => [name, code])), ...MODULES }
    newSampleProject(directory, files, {
      // As in the CLI.
      exactOptionalPropertyTypes: false,
      paths: Object.fromEntries(Object.entries(PACKAGES).map(([name, file]) => [name, [`./src/${file}.ts`]])),
    })
    linkPackages(directory)
  })

  test('has only code blocks that are whole files', () => {
    expect(blocks.length).toBe([...page.matchAll(/^```\w/gm)].length)
    expect(blocks.filter(({ name }) => name.startsWith('packages/')).length).toBeGreaterThanOrEqual(15)
    expect(blocks.filter(({ name }) => !name.startsWith('packages/')).length).toBeGreaterThanOrEqual(8)
  })

  test('has code that compiles, and that works in the CLI of today and in that of February', () => {
    compileSampleProject(directory)
    for (const session of ['session-today.mjs', 'session-february.mjs']) {
      copyFileSync(path.join(__dirname, 'moving', session), path.join(directory, 'out', session))
      const env = { ...process.env, HOME: newDirectory() }
      const args = [path.join(directory, 'out', session)]
      expect(execFileSync(process.execPath, args, { encoding: 'utf8', env }), session).toBe('done\n')
    }
  })

  test('says for each behaviour of the former stores whether it is kept, or why it changed', () => {
    const tables = ['Keys of tools', 'Tokens of MCP servers', 'Settings of extensions'].map(
      (store) => new RegExp(`^### ${store}\n([\\s\\S]*?)(?=^##)`, 'm').exec(page)?.[1] ?? '',
    )
    for (const table of tables) {
      const rows = [...table.matchAll(/^- \*\*(.*)\*\*: ([\s\S]*?) →\s+([\s\S]*?)$(?=\n-|\n\n)/gm)]
      expect(rows.map(([, what]) => what)).toEqual(expect.arrayContaining(ROWS))
      for (const [row, , before, now] of rows) {
        if (before !== '–') expect(now, row).toMatch(/^kept|^changed[\s\S]*\sbecause\s|^changed, as for/)
      }
    }
  })
})

/** Makes the compiled packages importable by their names. */
function linkPackages(directory: string): void {
  for (const [name, file] of Object.entries(PACKAGES)) {
    const [scope = '', packageName = '', ...subpath] = name.split('/')
    const folder = path.join(directory, 'node_modules', scope, packageName)
    const entry = path.join(folder, subpath.length === 0 ? 'index.js' : subpath.join('/'))
    writeWithFolders(entry, `export * from ${JSON.stringify(path.join(directory, 'out', `${file}.js`))}\n`)
    const exports = { '.': './index.js', './*': './*' }
    writeWithFolders(path.join(folder, 'package.json'), JSON.stringify({ type: 'module', exports }))
  }
}
