// README and docs: complete lists, valid links, and tables that fit a terminal.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'

const require = createRequire(__filename)
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')
const types = read('index.d.ts')

const PAGES = ['README.md', 'SECURITY.md', 'CHANGELOG.md', ...readdirSync(path.join(ROOT, 'docs'))].flatMap((file) => {
  if (!file.endsWith('.md')) return []
  return existsSync(path.join(ROOT, file)) ? [file] : [path.join('docs', file)]
})

/** Returns the text without code blocks. */
const prose = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '')

/** Returns the anchors of a page's headings, as GitHub makes them. */
function anchors(text: string): string[] {
  const headings = [...prose(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading)
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-'),
  )
}

describe('the README', () => {
  const readme = read('README.md')

  test('has a sample that runs and leaves no entry behind', () => {
    const sample = /```js\n(const .*?)```/s.exec(readme)?.[1] ?? ''
    const home = newDirectory()
    const file = path.join(home, 'sample.cjs')
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(home, 'node_modules'))
    writeFileSync(file, sample.replace("'@llxprt/securestore'", JSON.stringify(ROOT)))
    const env = { ...process.env, HOME: home }
    expect(execFileSync(process.execPath, [file], { encoding: 'utf8', env })).toBe('token-0123456789\n')
    const stored = readdirSync(home, { recursive: true }).filter((name) => String(name).endsWith('.enc'))
    expect(stored).toEqual([])
  })

  test('has a sample that does not touch the services of the CLI', () => {
    expect(/new SecureStore\('([^']*)'/.exec(readme)?.[1]).toBe('securestore-sample')
    expect(/```js\n(const .*?)```/s.exec(readme)?.[1]).not.toContain('ProviderKeyStorage')
  })

  test('names the commands to install the package and to work in a clone', () => {
    for (const command of ['npm install @llxprt/securestore', 'npm run quickstart', 'npm test']) {
      expect(readme).toContain(command)
    }
  })

  test('has the figures of the last complete benchmark, and so has docs/benchmark.md', () => {
    const { figuresMarkdown, verdictMarkdown } = require('../benchmark/report.js')
    const { goals } = JSON.parse(read('benchmark/results.json'))
    expect(readme).toContain(`<!-- speed -->\n\n${figuresMarkdown(goals)}\n\n<!-- /speed -->`)
    expect(read('docs/benchmark.md')).toContain(`<!-- bench -->\n\n${verdictMarkdown(goals)}\n\n<!-- /bench -->`)
  })

  test('has fewer than 800 words', () => {
    expect(prose(readme).split(/\s+/).length).toBeLessThan(800)
  })
})

describe('the guide', () => {
  const guide = read('docs/guide.md')

  test('names every export', () => {
    for (const name of Object.keys(require('@llxprt/securestore'))) expect(guide).toMatch(new RegExp(`\\b${name}\\b`))
  })

  test('names every option of SecureStore and every error code', () => {
    const options = /interface SecureStoreOptions \{.*?^\}/ms.exec(types)?.[0] ?? ''
    const names = [...options.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name)
    expect(names).toContain('fallbackDir')
    const codes = /type SecureStoreErrorCode =([^\n]*(?:\n {2}.*)*)/.exec(types)?.[1]?.match(/[A-Z_]{4,}/g) ?? []
    expect(codes).toContain('NOT_FOUND')
    for (const name of [...names, ...codes]) expect(guide).toContain(`\`${name}\``)
  })

  test('names every method of every class', () => {
    for (const [name, value] of Object.entries(require('@llxprt/securestore') as Record<string, unknown>)) {
      if (typeof value !== 'function' || !/^[A-Z]/.test(name)) continue
      const methods = Object.getOwnPropertyNames(value.prototype).filter((method) => method !== 'constructor')
      for (const method of methods) expect(guide, `${name}.${method}`).toMatch(new RegExp(`\\b${method}\\b`))
    }
  })
})

describe.each(PAGES)('%s', (page) => {
  const text = read(page)

  test('has only links to files and headings that exist', () => {
    for (const [, link = ''] of prose(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue
      const [file = '', anchor] = link.split('#')
      const target = file ? path.join(path.dirname(page), file) : page
      expect(existsSync(path.join(ROOT, target)), link).toBe(true)
      if (anchor !== undefined) expect(anchors(read(target)), link).toContain(anchor)
    }
  })

  test('has tables of less than 100 columns', () => {
    for (const line of prose(text).match(/^\|.*$/gm) ?? []) expect(line.length, line).toBeLessThan(100)
  })

  test('has no requirement numbers, except in the list of requirements and in titles of tests', () => {
    if (page !== path.join('docs', 'requirements.md')) expect(text).not.toMatch(/\bR\d+(\.\d+)?\b/)
  })
})
