// The `/key` command in a host, as the CLI uses it.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { getProviderKeyStorage } from '@llxprt/securestore'
import { beforeEach, expect, test } from 'vitest'
import type { CommandContext, ValueArgument } from './hosts/cli-types'
import { keyCommand } from './hosts/key-slash-command'

const KEY = 'sk-ant-api03'

let sessionKey: string | null
let context: CommandContext

beforeEach(async () => {
  const storage = getProviderKeyStorage()
  for (const name of await storage.listKeys()) await storage.deleteKey(name)
  sessionKey = null
  context = {
    services: { config: null },
    runtime: {
      updateActiveProviderApiKey(key) {
        sessionKey = key
        return { message: key === null ? 'API key removed' : 'API key updated' }
      },
      status: () => (sessionKey === null ? 'No API key' : 'API key set'),
    },
    ephemeral: new Map([['auth-key', 'old']]),
  }
})

/** Runs a command line as the CLI does. If the command asks and the user agrees, runs it again as confirmed. */
async function type(raw: string, agrees = true): Promise<string> {
  context.invocation = { raw }
  context.overwriteConfirmed = false
  const args = raw.replace(/^\/key\s*/, '')
  const result = await keyCommand.action(context, args)
  if (result.type === 'message') return result.content
  if (!agrees) return result.prompt
  context.overwriteConfirmed = true
  const again = await keyCommand.action(context, result.originalInvocation.raw.replace(/^\/key\s*/, ''))
  return again.type === 'message' ? again.content : again.prompt
}

test('R12–R17 a host saves, overwrites, loads, shows, lists and deletes through the command', async () => {
  expect(await type(`/key save work old-key-123`)).toContain(`Saved key 'work'`)
  expect(await type(`/key save work ${KEY}`, false)).toBe(`Key 'work' already exists. Overwrite?`)
  expect(await type(`/key save work ${KEY}`)).toContain(`Saved key 'work' (sk********03)`)
  expect(await type('/key show work')).toBe('work: sk********03 (12 chars)')
  expect(await type('/key list')).toBe('Saved keys:\n  work  sk********03')
  expect(await type('/key load work')).toBe(`Loaded key 'work' — active for this session`)
  expect(sessionKey).toBe(KEY)
  expect([...context.ephemeral]).toEqual([['auth-key-name', 'work']])
  expect(await type('/key delete work')).toBe(`Deleted key 'work'`)
})

test('R12 a host sets, shows and clears the key of its session', async () => {
  expect(await type('/key')).toBe('No API key')
  expect(await type('/key raw key')).toBe('API key updated')
  expect(sessionKey).toBe('raw key')
  expect([...context.ephemeral]).toEqual([])
  expect(await type('/key')).toBe('API key set')
  expect(await type('/key NONE')).toBe('API key removed')
  expect(sessionKey).toBeNull()
})

test('R17 a non-interactive host deletes nothing', async () => {
  await type(`/key save work ${KEY}`)
  context.services.config = { isInteractive: () => false }
  expect(await type('/key delete work')).toBe('Deleting keys requires interactive confirmation.')
})

test('R19 a host completes by method and by schema, also a key that was just saved', async () => {
  expect(await keyCommand.completion(context, 'load ')).toEqual([])
  await type(`/key save work ${KEY}`)
  expect(await keyCommand.completion(context, 's')).toEqual(['save', 'show'])
  expect(await keyCommand.completion(context, 'load w')).toEqual(['work'])
  const named = keyCommand.schema.filter((argument) => argument.next).map((argument) => argument.next?.[0])
  expect(named).toHaveLength(4)
  for (const argument of named as ValueArgument[]) {
    expect(await argument.completer?.(context, 'w')).toEqual([{ value: 'work' }])
    expect(await argument.completer?.(context, 'x')).toEqual([])
  }
})

test('the host fits in less than 60 lines', () => {
  const lines = readFileSync(path.join(__dirname, 'hosts', 'key-slash-command.ts'), 'utf8').split('\n')
  expect(lines.length).toBeLessThan(60)
})
