// The pages that list facts about the code: environment variables, events, messages.

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT } from './support/node'

const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

/** Returns every file below a folder of the repository. */
function filesBelow(folder: string): string[] {
  const entries = readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
}

test('docs/environment.md has every variable that the code reads, and no other', () => {
  const code = ['index.js', ...filesBelow('lib'), ...filesBelow('bin')].map((file) =>
    readFileSync(path.resolve(ROOT, file), 'utf8'),
  )
  const isRead = (name: string): boolean =>
    code.some((text) => new RegExp(`\\benv\\.${name}\\b|'${name}'|[{,] ${name}[ ,}].*= (process\\.)?env\\b`).test(text))
  const named = new Set(code.flatMap((text) => [...text.matchAll(/\benv\.([A-Z][A-Z_]+)\b/g)].map(([, name]) => name)))
  const rows = read('docs/environment.md').match(/^\| `.*?\|/gm) ?? []
  const documented = rows.flatMap((row) => [...row.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name))
  expect(named.size).toBeGreaterThan(5)
  expect(documented).toEqual(expect.arrayContaining([...named]))
  for (const name of documented) expect(isRead(name), name).toBe(true)
})

describe('docs/logging.md', () => {
  const page = read('docs/logging.md')
  const code = ['events.rs', 'notices.rs'].map((file) => read(`src/telemetry/${file}`)).join('\n')
  const emitted = [...code.matchAll(/event!\(\s*name: "(\w+)",[^{]*\{([^}]*)\}/g)].map(
    ([, name = '', fields = '']) => ({
      name,
      fields: fields.split(',').flatMap((field) => /^\s*(\w+)/.exec(field)?.[1] ?? []),
    }),
  )

  test('has every event with exactly its fields', () => {
    const lists = [...page.matchAll(/^- `(\w+)`: ((?:`\w+`(?:,\s+)?)+)$/gm)]
    const documented = Object.fromEntries(
      lists.map(([, name = '', fields = '']) => [name, [...fields.matchAll(/`(\w+)`/g)].map(([, field]) => field)]),
    )
    const expected: Record<string, string[]> = {}
    for (const { name, fields } of emitted) expected[name] = [...new Set([...(expected[name] ?? []), ...fields])]
    expect(Object.keys(expected).length).toBeGreaterThanOrEqual(8)
    expect(Object.keys(documented).sort()).toEqual(Object.keys(expected).sort())
    for (const [name, fields] of Object.entries(expected)) expect(documented[name]?.sort(), name).toEqual(fields.sort())
  })

  test('explains every field, and names the target of every event', () => {
    for (const { name, fields } of emitted) {
      expect(page).toMatch(new RegExp(`^\\| \`${name}\` +\\| \`securestore::`, 'm'))
      for (const field of fields) expect(page, field).toMatch(new RegExp(`^\\| \`${field}\` `, 'm'))
    }
  })
})

test('docs/troubleshooting.md has only messages that the code can show', () => {
  const folders = ['src', 'lib', 'bin'].flatMap(filesBelow)
  const code = [path.join(ROOT, 'index.js'), ...folders]
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
    .replace(/\\\n\s*/g, '')
  const messages = [...read('docs/troubleshooting.md').matchAll(/^### `(.*)`$/gm)].map(([, message = '']) => message)
  expect(messages.length).toBeGreaterThan(15)
  for (const message of messages) {
    // A message about a command holds `<name>` itself; elsewhere that stands for a part that varies.
    const parts = code.includes(message) ? [message] : message.split(/<[^>]*>/)
    for (const part of parts) expect(code.includes(part.trim()), message).toBe(true)
  }
})
