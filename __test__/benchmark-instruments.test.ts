// The instruments of the benchmark: tasks in new processes, D-Bus clients, and the reader of traces.

import { existsSync } from 'node:fs'
import path from 'node:path'
import { KeyCommand, ProviderKeyStorage, SecureStore } from '@llxprt/securestore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { report, verdictOf } from '../benchmark/against.js'
import { BusMonitor } from '../benchmark/bus-monitor.js'
import type { Measurement } from '../benchmark/compare.js'
import { callsBetweenMarks } from '../benchmark/cost.js'
import { marshal, unmarshal } from '../benchmark/dbus-wire.js'
import { Fixtures, keys, SERVICE } from '../benchmark/fixtures.js'
import { fresh } from '../benchmark/fresh.js'
import { inputOf } from '../benchmark/process.js'
import { RawSecretService } from '../benchmark/raw-secret-service.js'
import { growthOf } from '../benchmark/scaling.js'
import { PrivateKeyring } from '../scripts/lib/private-keyring.js'
import { newDirectory } from './support/helpers'

function measurement(id: string, medians: Record<string, number>): Measurement {
  const contestants = Object.entries(medians).map(([who, median]) => [who, { p10: median, median, p90: median, n: 9 }])
  const row = { id, part: 'scaling', label: id, unit: 'ms', ratios: {}, failures: {} }
  return { ...row, contestants: Object.fromEntries(contestants) }
}

describe('a task in a fresh process', () => {
  const fixtures = new Fixtures(newDirectory())
  let input: Awaited<ReturnType<typeof inputOf>>
  beforeAll(async () => {
    input = await inputOf(await fixtures.files(3))
  })
  afterAll(() => fixtures.remove())

  test.each([
    ['require', ['addon', 'napi-keyring', 'idle']],
    ['firstGet', ['addon', 'baseline', 'floor', 'scrypt']],
    ['loadAndGet', ['addon', 'typescript', 'floor']],
    ['readAll', ['addon', 'addon-key-list', 'baseline', 'floor']],
    ['memoryOfFirstUse', ['addon', 'floor']],
    ['burst', ['addon', 'baseline']],
    ['burstDelay', ['addon', 'idle']],
    ['burstMemory', ['addon', 'idle']],
    ['burstThreads', ['addon']],
    ['workers', ['addon']],
  ])('%s reports one figure for each contestant', async (task, contestants) => {
    for (const who of contestants) {
      const figures = await fresh(task, { ...input, who, calls: 16 })
      expect(figures).toEqual([expect.any(Number)])
      expect(figures[0]).toBeGreaterThanOrEqual(0)
    }
  })

  test.each(['get', 'set', 'has', 'list', 'readAll'])('measures each of many calls of %s', async (op) => {
    const directory = fixtures.copy(await fixtures.files(3))
    expect(await fresh('warm', { ...input, directory, who: 'addon', op, calls: 7 })).toHaveLength(7)
  })

  test('measures the cost of the log for each state of its sink', async () => {
    for (const who of ['never', 'removed', 'on']) expect(await fresh('telemetry', { ...input, who })).toHaveLength(300)
  })

  test('counts the threads that the addon starts', { skip: !existsSync('/proc/self/task') }, async () => {
    const [threads = 0] = await fresh('burstThreads', { ...input, who: 'addon', calls: 200 })
    expect(threads).toBeGreaterThan(0)
    expect(await fresh('burstThreads', { ...input, who: 'floor', calls: 200 })).toEqual([0])
  })

  test('fails when the store has no value', async () => {
    await expect(fresh('firstGet', { ...input, who: 'addon', key: 'missing' })).rejects.toThrow('returned no value')
    await expect(fresh('workers', { ...input, who: 'addon', key: 'missing', calls: 8 })).rejects.toThrow(
      'returned no value',
    )
  })

  test('uses the addon of the folder that SECURESTORE_BENCH_ADDON names', async () => {
    const env = { SECURESTORE_BENCH_ADDON: path.join(newDirectory(), 'missing') }
    await expect(fresh('require', { who: 'addon' }, env)).rejects.toThrow('Cannot find module')
  })
})

describe('the D-Bus client', () => {
  test('reads the values that it wrote, with every alignment', () => {
    const signature = 'ysa{sv}(oayays)buaoa(yv)g'
    const values = [
      7,
      'text',
      [
        ['first', ['s', 'value']],
        ['second', ['a{ss}', [['a', 'b']]]],
      ],
      ['/path', [1, 2, 3], [], 'text/plain'],
      1,
      4_000_000_000,
      ['/a', '/b'],
      [[1, ['g', 'ss']]],
      'as',
    ]
    const read = unmarshal(signature, marshal(signature, values))
    expect(read).toEqual([
      7,
      'text',
      [
        ['first', 'value'],
        ['second', [['a', 'b']]],
      ],
      ['/path', [1, 2, 3], [], 'text/plain'],
      1,
      4_000_000_000,
      ['/a', '/b'],
      [[1, 'ss']],
      'as',
    ])
  })
})

describe('on a private keyring', { skip: process.platform !== 'linux' }, () => {
  const count = 12
  let keyring: InstanceType<typeof PrivateKeyring>
  let store: SecureStore
  beforeAll(async () => {
    const items = keys(count).map((username) => ({
      attributes: { service: SERVICE, username, target: 'default' },
      secret: `value of ${username}`,
    }))
    keyring = await PrivateKeyring.start({ items })
    process.env.DBUS_SESSION_BUS_ADDRESS = keyring.address
    delete process.env.LLXPRT_DISABLE_OS_KEYRING
    store = new SecureStore(SERVICE, { fallbackDir: newDirectory(), fallbackPolicy: 'deny' })
  })
  afterAll(() => keyring.stop())

  test('the addon finds the items that the keyring starts with', async () => {
    expect(await store.list()).toEqual(keys(count))
    expect(await store.get('key-0003')).toBe('value of key-0003')
  })

  test('raw calls find, list, read, replace, create and delete the same items', async () => {
    const raw = await RawSecretService.connect(keyring.address)
    const attributes = { service: SERVICE, username: 'key-0001' }
    const [item = ''] = await raw.find(attributes)
    await raw.replace(item, 'replaced')
    expect(await store.get('key-0001')).toBe('replaced')
    expect(await raw.list({ service: SERVICE })).toHaveLength(count)
    expect(await raw.secrets(await raw.find({ service: SERVICE }))).toHaveLength(count)
    const created = await raw.create({ service: SERVICE, username: 'created' }, 'new')
    expect(await store.get('created')).toBe('new')
    await raw.delete(created)
    expect(await raw.find({ service: SERVICE, username: 'created' })).toEqual([])
    await expect(raw.delete('/org/freedesktop/secrets/collection/login/none')).rejects.toThrow('Delete failed: ')
    raw.close()
  })

  test('the monitor counts the calls that the service receives', async () => {
    const monitor = await BusMonitor.start(keyring.address)
    const raw = await RawSecretService.connect(keyring.address)
    expect(Object.fromEntries(await monitor.count(() => raw.list({ service: SERVICE })))).toEqual({
      SearchItems: 1,
      Get: count,
    })
    expect(Object.fromEntries(await monitor.count(() => {}))).toEqual({})
    const command = new KeyCommand(new ProviderKeyStorage({ secureStore: store }))
    const calls = await monitor.count(() => command.run('list'))
    expect(calls.get('GetSecrets')).toBe(1)
    raw.close()
    monitor.stop()
  })
})

describe('a trace of system calls', () => {
  test('counts each call between the marks once', () => {
    const trace = `10 write(1, "x", 1) = 1
10 write(2, "idle-begin", 10) = 10
10 epoll_wait(13, <unfinished ...>
11 futex(0x7f, FUTEX_WAIT_PRIVATE, 0, NULL <unfinished ...>
10 <... epoll_wait resumed>[], 1024, 2000) = 0
10 --- SIGCHLD {si_signo=SIGCHLD} ---
10 write(2, "idle-end", 8) = 8
10 exit_group(0) = ?`
    expect(callsBetweenMarks(trace)).toBe(2)
    expect(() => callsBetweenMarks('10 exit_group(0) = ?')).toThrow('marks')
  })
})

describe('the comparison with a revision', () => {
  const ratioOf = (value: number, low: number | null, high: number | null) => ({
    ...measurement('m', { here: 10, main: 10 * value }),
    ratios: { main: { value, low, high } },
  })

  test('reports worse only for a figure that is slower beyond the interval', () => {
    expect(verdictOf(ratioOf(0.8, 0.7, 0.9), 'main')).toBe('worse')
    expect(verdictOf(ratioOf(0.8, 0.7, 1.1), 'main')).toBe('same')
    expect(verdictOf(ratioOf(0.99, 0.98, 0.995), 'main')).toBe('same')
    expect(verdictOf(ratioOf(1.3, 1.2, 1.4), 'main')).toBe('better')
    expect(verdictOf(ratioOf(0.5, null, null), 'main')).toBe('not comparable')
  })

  test('shows both figures and their ratio', () => {
    expect(report([ratioOf(0.8, 0.7, 0.9)], 'main')).toMatch(/m +10\.0 ms +8\.00 ms +0\.80× \(0\.70 to 0\.90\) +worse/)
  })
})

describe('scaling', () => {
  test('reports all sizes, and the growth exponent of each operation and contestant', () => {
    const sizes: Array<[number, Measurement]> = [10, 100].flatMap((size) =>
      ['get', 'set', 'list', 'entries'].map((op): [number, Measurement] => [
        size,
        measurement(`scaling-keyring-${op}-${size}`, { addon: op === 'get' ? 1 : size, 'raw-calls': size * size }),
      ]),
    )
    const rows = [...growthOf('keyring', sizes)]
    expect(rows).toHaveLength(sizes.length + 4)
    const exponents = (id: string) => rows.find((row) => row.id === id)?.contestants
    expect(exponents('scaling-keyring-get')?.addon?.median).toBeCloseTo(0)
    expect(exponents('scaling-keyring-list')?.addon?.median).toBeCloseTo(1)
    expect(exponents('scaling-keyring-list')?.['raw-calls']?.median).toBeCloseTo(2)
  })
})
