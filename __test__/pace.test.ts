// lib/pace.js: a burst of calls is spread over several turns of the event loop.

import { createRequire } from 'node:module'
import { SecureStore } from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { newDirectory } from './support/helpers'
import { runNode } from './support/node'

type Method = (first?: unknown, second?: unknown) => unknown
const { paced } = createRequire(__filename)('../lib/pace.js') as { paced(start: Method): Method }

/** Waits for the end of the current turn of the event loop. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('R1 a burst of calls', () => {
  test('starts some calls in each turn, all of them in order, and passes results and arguments on', async () => {
    let started: unknown[] = []
    const object = {
      call: paced(async function (this: unknown, first, second) {
        started.push(first)
        return [this, first, second]
      }),
    }
    const calls = Array.from({ length: 1000 }, (_, at) => object.call(at, 'second') as Promise<unknown[]>)
    const turns = [started.length]
    while (started.length < 1000) {
      const before = started.length
      await turn()
      turns.push(started.length - before)
    }
    expect(turns.length).toBeGreaterThan(5)
    expect(Math.max(...turns)).toBeLessThanOrEqual(64)
    expect(started).toEqual(Array.from({ length: 1000 }, (_, at) => at))
    const results = await Promise.all(calls)
    expect(results[999]).toEqual([object, 999, 'second'])
    started = []
    await turn()
    await object.call('alone')
    expect(started).toEqual(['alone'])
  })

  test('does not delay a single call', () => {
    let started = false
    paced(() => {
      started = true
    })()
    expect(started).toBe(true)
  })

  test('rejects with the error that a queued call throws', async () => {
    const fails = paced(() => {
      throw new TypeError('wrong')
    })
    const calls: unknown[] = []
    for (let at = 0; at < 300; at += 1) {
      try {
        calls.push(fails())
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
      }
    }
    expect(calls.length).toBeGreaterThan(0)
    for (const call of calls) await expect(call).rejects.toBeInstanceOf(TypeError)
  })

  test('on a store resolves every call, and later changes of a key win', async () => {
    const store = new SecureStore('burst', { fallbackDir: newDirectory() })
    const writes = Array.from({ length: 300 }, (_, at) => store.set('key', String(at)))
    await Promise.all(writes)
    expect(await store.get('key')).toBe('299')
    const reads = await Promise.all(Array.from({ length: 3000 }, () => store.get('key')))
    expect(new Set(reads)).toEqual(new Set(['299']))
  })

  test('is finished before the process ends', async () => {
    const output = await runNode(`
      const store = new securestore.SecureStore('burst', { fallbackDir: '${newDirectory()}' })
      let done = 0
      for (let at = 0; at < 2000; at += 1) store.get('key').then(() => { done += 1 })
      process.on('exit', () => console.log(done))
    `)
    expect(output.trim()).toBe('2000')
  })
})
