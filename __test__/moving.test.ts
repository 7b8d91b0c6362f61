// docs/moving.md: the code on the page is type-checked and run, and its audit is complete.

import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { MODULES, PACKAGES } from './moving/cli-today'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'

const page = readFileSync(path.join(ROOT, 'docs', 'moving.md'), 'utf8')

/** The rows of the table of what the stores did before. */
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
    const modules = directory
    mkdirSync(path.join(modules, 'node_modules', '@llxprt'), { recursive: true })
    symlinkSync(ROOT, path.join(modules, 'node_modules', '@llxprt', 'securestore'))
    for (const { name, code } of blocks) write(path.join(directory, 'src', name), code)
    for (const [name, code] of Object.entries(MODULES)) write(path.join(directory, 'src', name), code)
    linkPackages(directory)
    writeFileSync(path.join(directory, 'package.json'), '{"type":"module"}')
    const { compilerOptions } = JSON.parse(readFileSync(path.join(ROOT, 'tsconfig.json'), 'utf8'))
    const options = {
      ...compilerOptions,
      module: 'node16',
      moduleResolution: 'node16',
      noEmit: false,
      rootDir: 'src',
      outDir: 'out',
      // As in the CLI.
      exactOptionalPropertyTypes: false,
      paths: Object.fromEntries(Object.entries(PACKAGES).map(([name, file]) => [name, [`./src/${file}.ts`]])),
      typeRoots: [path.join(ROOT, 'node_modules', '@types')],
    }
    writeFileSync(path.join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['src'] }))
  })

  test('has code in blocks that are files, all of them', () => {
    expect(blocks.length).toBe([...page.matchAll(/^```\w/gm)].length)
    expect(blocks.filter(({ name }) => name.startsWith('packages/')).length).toBeGreaterThanOrEqual(15)
    expect(blocks.filter(({ name }) => !name.startsWith('packages/')).length).toBeGreaterThanOrEqual(8)
  })

  test('has code that has the right types, and works in the CLI of today and in that of February', () => {
    const tsc = path.join(ROOT, 'node_modules', '.bin', 'tsc')
    execFileSync(tsc, ['--project', directory], { encoding: 'utf8', stdio: ['ignore', 'inherit', 'inherit'] })
    for (const session of ['session-today.mjs', 'session-february.mjs']) {
      copyFileSync(path.join(__dirname, 'moving', session), path.join(directory, 'out', session))
      const env = { ...process.env, HOME: newDirectory() }
      const args = [path.join(directory, 'out', session)]
      expect(execFileSync(process.execPath, args, { encoding: 'utf8', env }), session).toBe('done\n')
    }
  })

  test('says of each thing the stores did whether it is kept, or why it changed', () => {
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

function write(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** Makes the compiled packages importable by their names. */
function linkPackages(directory: string): void {
  for (const [name, file] of Object.entries(PACKAGES)) {
    const [scope = '', packageName = '', ...subpath] = name.split('/')
    const folder = path.join(directory, 'node_modules', scope, packageName)
    const entry = path.join(folder, subpath.length === 0 ? 'index.js' : subpath.join('/'))
    write(entry, `export * from ${JSON.stringify(path.join(directory, 'out', `${file}.js`))}\n`)
    const exports = { '.': './index.js', './*': './*' }
    write(path.join(folder, 'package.json'), JSON.stringify({ type: 'module', exports }))
  }
}
