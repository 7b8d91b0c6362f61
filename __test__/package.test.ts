// The exports of the package in both module systems, and their types.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import * as modules from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { ROOT } from './support/node'

const require = createRequire(__filename)

describe('the module', () => {
  test('has the same named exports for ES modules and CommonJS', () => {
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

  test('declares exactly the methods of each class', () => {
    const types = readFileSync(path.join(ROOT, 'index.d.ts'), 'utf8')
    for (const [name, value] of Object.entries(require('@llxprt/securestore') as Record<string, unknown>)) {
      if (typeof value !== 'function' || !/^class|\[native code\]/.test(String(value)) || !/^[A-Z]/.test(name)) continue
      const body = new RegExp(`^export class ${name}\\b.*?^}`, 'ms').exec(types)?.[0] ?? ''
      const declared = [...body.matchAll(/^ {2}(?!constructor)(\w+)(?:<\w+>)?\(/gm)].map(([, method]) => method)
      const methods = Object.entries(Object.getOwnPropertyDescriptors(value.prototype as object))
      const own = methods.flatMap(([method, { value }]) =>
        typeof value === 'function' && method !== 'constructor' ? [method] : [],
      )
      expect(declared.sort(), name).toEqual(own.sort())
    }
  })
})
