// The package as others meet it: both module systems, the types, the README.

import { execFileSync } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import * as modules from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { ROOT } from './support/node'

const require = createRequire(__filename)

describe('the module', () => {
  test('gives ES modules by name what it gives CommonJS', () => {
    const commonjs = require('@llxprt/securestore') as Record<string, unknown>
    const named: Record<string, unknown> = { ...modules }
    for (const [name, value] of Object.entries(commonjs)) expect(named[name]).toBe(value)
    const names = (text: string) => text.split('\n').filter(Boolean)
    const program = "import * as s from '@llxprt/securestore'; for (const n of Object.keys(s)) console.log(n)"
    const args = ['--input-type=module', '-e', program]
    const esm = names(execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' }))
    expect(esm.filter((name) => !['default', 'module.exports'].includes(name)).sort()).toEqual(
      Object.keys(commonjs).sort(),
    )
  })

  test('exports exactly what index.d.ts declares', () => {
    const types = readFileSync(path.join(ROOT, 'index.d.ts'), 'utf8')
    const declared = [...types.matchAll(/^export (?:class|function|const) (\w+)/gm)].map(([, name]) => name)
    expect(declared.sort()).toEqual(Object.keys(require('@llxprt/securestore')).sort())
    expect(types.replace(/\/\*[\s\S]*?\*\//g, '')).not.toMatch(/\bany\b/)
  })

  test('declares for each class exactly the methods it has', () => {
    const types = readFileSync(path.join(ROOT, 'index.d.ts'), 'utf8')
    for (const [name, value] of Object.entries(require('@llxprt/securestore') as Record<string, unknown>)) {
      if (typeof value !== 'function' || !/^class|\[native code\]/.test(String(value)) || !/^[A-Z]/.test(name)) continue
      const body = new RegExp(`^export class ${name}\\b.*?^}`, 'ms').exec(types)?.[0] ?? ''
      const declared = [...body.matchAll(/^ {2}(?!constructor)(\w+)\(/gm)].map(([, method]) => method)
      const methods = Object.entries(Object.getOwnPropertyDescriptors(value.prototype as object))
      const own = methods.flatMap(([method, { value }]) =>
        typeof value === 'function' && method !== 'constructor' ? [method] : [],
      )
      expect(declared.sort(), name).toEqual(own.sort())
    }
  })
})

describe('the README', () => {
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8')

  test('has a sample that runs as it stands', () => {
    const sample = /```js\n(const .*?)```/s.exec(readme)?.[1] ?? ''
    expect(
      sample.split('\n').filter((line) => !/^(async function main|}|main)/.test(line) && line).length,
    ).toBeLessThanOrEqual(10)
    const directory = newDirectory()
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(directory, 'node_modules'))
    const file = path.join(directory, 'sample.cjs')
    writeFileSync(file, sample.replace("'@llxprt/securestore'", JSON.stringify(ROOT)))
    expect(execFileSync(process.execPath, [file], { encoding: 'utf8' })).toBe('openai sk**************89\ntrue\n')
  })

  test('names every export and every option', () => {
    for (const name of Object.keys(require('@llxprt/securestore'))) expect(readme).toContain(name)
    const options =
      /interface SecureStoreOptions \{.*?^\}/ms.exec(readFileSync(path.join(ROOT, 'index.d.ts'), 'utf8'))?.[0] ?? ''
    const names = [...options.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name)
    expect(names).toContain('fallbackDir')
    for (const option of names) {
      expect(readme).toContain(`\`${option}\``)
    }
  })
})
