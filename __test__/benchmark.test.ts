// The instrument that measures: its arithmetic, its verdicts, its plot, and that what it compares with is the same job.
// Nothing here depends on how fast anything is.

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { SecureStore } from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { BaselineStore } from '../benchmark/baseline.js'
import { compare, type Measurement } from '../benchmark/compare.js'
import { GOALS, judge } from '../benchmark/goals.js'
import { parse } from '../benchmark/options.js'
import { apart, bench, plot } from '../benchmark/plot.js'
import { table, verdictMarkdown } from '../benchmark/report.js'
import { median, quantile, ratio, summary } from '../benchmark/statistics.js'
import { newDirectory, noKeyring } from './support/helpers'
import { ROOT } from './support/node'

const once = (...values: number[]) => values.map((value) => [value])

function measurement(id: string, medians: Record<string, number>): Measurement {
  const [ours = 1] = Object.values(medians)
  const contestants = Object.entries(medians).map(([who, median]) => [who, { median, p95: median, n: 9 }])
  const ratios = Object.entries(medians).map(([who, median]) => [
    who,
    { value: median / ours, low: (median / ours) * 0.9, high: (median / ours) * 1.1 },
  ])
  return {
    id,
    part: 'files',
    label: id,
    unit: 'ms',
    contestants: Object.fromEntries(contestants),
    ratios: Object.fromEntries(ratios.slice(1)),
    failures: {},
  }
}

describe('the statistics', () => {
  test('give the median of an odd and of an even number of samples, in any order', () => {
    expect(median([5, 1, 3])).toBe(3)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([10, 9, 100])).toBe(10)
  })

  test('give the 95th percentile, between two samples in proportion', () => {
    expect(quantile([...Array(101).keys()], 0.95)).toBe(95)
    expect(quantile([0, 1], 0.95)).toBeCloseTo(0.95)
    expect(summary([7])).toEqual({ median: 7, p95: 7, n: 1 })
  })

  test('refuse to say anything of nothing', () => {
    expect(() => median([])).toThrow(RangeError)
  })

  test('give a ratio with an interval around it that is the same every time', () => {
    const theirs = once(20, 22, 18, 21, 19, 20, 23, 17)
    const ours = once(2, 2.1, 1.9, 2, 2.2, 1.8, 2, 2)
    const found = ratio(theirs, ours)
    expect(found.value).toBeCloseTo(10)
    expect(found.low).toBeLessThan(10)
    expect(found.high).toBeGreaterThan(10)
    expect(ratio(theirs, ours)).toEqual(found)
  })

  test('draw rounds as pairs, so that a slow moment that hits both changes no ratio', () => {
    const moments = [1, 5, 1, 2, 9, 1, 4, 3]
    const found = ratio(once(...moments.map((moment) => 3 * moment)), once(...moments))
    expect(found).toEqual({ value: 3, low: 3, high: 3 })
  })

  test('give no interval where there were too few rounds for one', () => {
    expect(ratio(once(27_000), once(20, 21, 22, 23, 24))).toMatchObject({ low: null, high: null })
  })
})

describe('a comparison', () => {
  test('gives everybody a turn in every round, in an order that turns round', async () => {
    const turns: string[] = []
    const contestant = (name: string) => (round: number) => {
      turns.push(`${name}${round}`)
      return 1
    }
    const found = await compare({
      id: 'turns',
      part: 'files',
      label: 'turns',
      contestants: { a: contestant('a'), b: contestant('b'), seldom: contestant('s') },
      rounds: 4,
      every: { seldom: 3 },
    })
    expect(turns).toEqual(['a-1', 'b-1', 'a0', 'b0', 's0', 'b1', 'a1', 'b2', 'a2', 'a3', 's3', 'b3'])
    expect(found.contestants.seldom?.n).toBe(2)
    expect(Object.keys(found.ratios)).toEqual(['b', 'seldom'])
  })
})

describe('a contestant that fails', () => {
  const fails = () => Promise.reject(new Error('no connection'))
  const works = () => 1
  const scenario = { id: 'failing', part: 'keyring', label: 'failing', rounds: 2 }

  test('is left out and told, and the others are measured', async () => {
    const found = await compare({ ...scenario, contestants: { addon: works, 'napi-keyring': fails, baseline: works } })
    expect(Object.keys(found.contestants)).toEqual(['addon', 'baseline'])
    expect(Object.keys(found.ratios)).toEqual(['baseline'])
    expect(table([found])).toMatch(/@napi-rs\/keyring +failed: no connection/)
  })

  test('ends the run when it is the addon', async () => {
    await expect(compare({ ...scenario, contestants: { addon: fails, baseline: works } })).rejects.toThrow(
      'no connection',
    )
  })
})

describe('the verdict on a goal', () => {
  const verdict = (found: Measurement, goal: (typeof GOALS)[number]) => judge([found], [goal])[0]

  test('that asks for so many times faster is met from there on', () => {
    const goal = { text: 'faster', measurement: 'm', atLeast: 10, faster: 'baseline' }
    expect(verdict(measurement('m', { addon: 1, baseline: 20 }), goal)).toMatchObject({ verdict: 'met', close: false })
    expect(verdict(measurement('m', { addon: 1, baseline: 10.5 }), goal)).toMatchObject({ verdict: 'met', close: true })
    expect(verdict(measurement('m', { addon: 1, baseline: 9.5 }), goal)).toMatchObject({
      verdict: 'missed',
      close: true,
    })
    expect(verdict(measurement('m', { addon: 1, baseline: 2 }), goal)).toMatchObject({
      verdict: 'missed',
      close: false,
    })
  })

  test('that allows so many times the cost is met up to there', () => {
    const goal = { text: 'no dearer', measurement: 'm', atMost: 1.25, timesOf: 'bare-write' }
    expect(verdict(measurement('m', { addon: 1.1, 'bare-write': 1 }), goal)).toMatchObject({ verdict: 'met' })
    expect(verdict(measurement('m', { addon: 2, 'bare-write': 1 }), goal)).toMatchObject({
      verdict: 'missed',
      measured: '2.00× (1.82 to 2.22)',
    })
  })

  test('that sets a limit looks at the addon alone', () => {
    const goal = { text: 'small', measurement: 'm', below: 4, inclusive: true }
    expect(verdict(measurement('m', { addon: 4, 'napi-keyring': 3 }), goal)).toMatchObject({ verdict: 'met' })
    expect(verdict(measurement('m', { addon: 4.01, 'napi-keyring': 3 }), goal)).toMatchObject({ verdict: 'missed' })
  })

  test('that asks for no difference is missed by one that is more than noise', () => {
    const goal = { text: 'free', measurement: 'm', noSlowerThan: 'removed' }
    expect(verdict(measurement('m', { never: 1, removed: 0.99 }), goal)).toMatchObject({ verdict: 'met', close: false })
    expect(verdict(measurement('m', { never: 1, removed: 1.05 }), goal)).toMatchObject({ verdict: 'met', close: true })
    expect(verdict(measurement('m', { never: 1, removed: 1.5 }), goal)).toMatchObject({ verdict: 'missed' })
  })

  test('that nobody measured is none', () => {
    expect(judge([]).map((goal) => goal.verdict)).toEqual(GOALS.map(() => 'not measured'))
  })

  test('is a row of the table of goals, and a measurement has its rows in the other one', () => {
    const found = measurement('m', { addon: 1, baseline: 20 })
    const rows = verdictMarkdown(judge([found], [{ text: 'fast', measurement: 'm', atLeast: 10, faster: 'baseline' }]))
    expect(rows.split('\n')[2]).toBe('| fast | 20.0× (18.0 to 22.0) | met     |')
    expect(table([found])).toMatch(/JavaScript store +20\.0 +20\.0 +9 {2}20\.0× \(18\.0 to 22\.0\)/)
  })
})

describe('the plot', () => {
  const sizes = [1, 10, 50, 200, 1000]
  const measurements = sizes.flatMap((count) => [
    measurement(`files-read-all-${count}`, { addon: 0.1 * count, baseline: 27 * count }),
    measurement(`files-read-all-cold-${count}`, { addon: 40 + 0.1 * count }),
    measurement(`keyring-read-all-${count}`, {
      addon: count,
      'napi-keyring': 7 * count,
      'napi-keyring-one-call': 2 * count,
    }),
  ])

  test('is well-formed SVG with a line, a name and a marker at each size for every series', () => {
    const svg = bench(measurements)
    expect(unbalanced(svg)).toEqual([])
    expect(svg.match(/<polyline points="[\d., -]+"/g)).toHaveLength(6)
    for (const line of svg.match(/<polyline points="[^"]+"/g) ?? [])
      expect(line.split(' ')).toHaveLength(1 + sizes.length)
    for (const name of ['this addon', 'JavaScript store', '@napi-rs/keyring', 'one call', 'one by one']) {
      expect(svg).toContain(name)
    }
    expect(svg).not.toMatch(/NaN|undefined|Infinity/)
  })

  test('leaves out a series that was not measured, and refuses to be made of none', () => {
    const svg = bench(measurements.filter(({ id }) => id.startsWith('files-read-all-1')))
    expect(svg.match(/<polyline/g)).toHaveLength(2)
    expect(() => bench([])).toThrow(RangeError)
  })

  test('shows names as they are, whatever characters they hold', () => {
    const svg = plot('a < b & "c"', [
      {
        title: '<',
        series: [
          {
            name: '<script>',
            style: 'ours',
            points: [
              [1, 1],
              [10, 5],
            ],
          },
        ],
      },
    ])
    expect(unbalanced(svg)).toEqual([])
    expect(svg).toContain('&lt;script&gt;')
  })

  test('moves names apart that would overlap, and keeps them inside', () => {
    expect(apart([10, 12, 200], 30, 260)).toEqual([10, 40, 200])
    expect(apart([250, 255, 258], 30, 260)).toEqual([200, 230, 260])
  })
})

describe('what the addon is compared with', () => {
  const value = 'sk-ant 🔑\nsecond line'

  test('reads what the addon wrote', async () => {
    const directory = newDirectory()
    const addon = new SecureStore('a service', { fallbackDir: directory, keyringLoader: noKeyring })
    for (const key of ['b', 'a']) await addon.set(key, `${value} of ${key}`)
    const baseline = new BaselineStore('a service', directory)
    expect(await baseline.list()).toEqual(['a', 'b'])
    expect(await baseline.readAll()).toEqual([`${value} of a`, `${value} of b`])
    expect(await baseline.get('nothing')).toBeNull()
  })

  test('writes what the addon reads, as one private file per key', async () => {
    const directory = newDirectory()
    const baseline = new BaselineStore('a service', directory)
    for (const key of ['b', 'a']) await baseline.set(key, `${value} of ${key}`)
    expect(readdirSync(directory).sort()).toEqual(['a.enc', 'b.enc'])
    expect(statSync(path.join(directory, 'a.enc')).mode & 0o777).toBe(0o600)
    const addon = new SecureStore('a service', { fallbackDir: directory, keyringLoader: noKeyring })
    expect(await addon.list()).toEqual(['a', 'b'])
    expect(await addon.get('a')).toBe(`${value} of a`)
    expect(await addon.get('b')).toBe(`${value} of b`)
  })
})

describe('npm run bench', () => {
  const run = (...args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const program = path.join(ROOT, 'benchmark/run.js')
      execFile(process.execPath, [program, ...args], (error, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), stdout, stderr })
      })
    })

  test('says what it takes, and measures nothing, when asked for help', async () => {
    const { code, stdout } = await run('--help')
    expect(code).toBe(0)
    for (const option of ['--quick', '--only', '--json', '--check']) expect(stdout).toContain(option)
  })

  test.each([
    { args: ['--fast'], message: '--fast' },
    { args: ['files'], message: 'files' },
    { args: ['--only', 'disk'], message: "--only takes files, keyring, process, not 'disk'" },
    { args: ['--quick', '--readme'], message: '--readme takes a complete run' },
  ])('refuses $args, and says how it is done', async ({ args, message }) => {
    const { code, stdout, stderr } = await run(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr).toContain('npm run bench -- [options]')
  })

  test('measures everything unless told otherwise', () => {
    expect(parse([])).toMatchObject({ quick: false, parts: ['files', 'keyring', 'process'], build: true })
    expect(parse(['--only', 'files', '--only', 'process'])).toMatchObject({ parts: ['files', 'process'] })
  })

  test('left figures that name no host, no user and no path', () => {
    const results = readFileSync(path.join(ROOT, 'benchmark/results.json'), 'utf8')
    expect(JSON.parse(results)).toMatchObject({ machine: { cpu: expect.any(String), node: expect.any(String) } })
    expect(results).not.toMatch(/"[^"]*(?:\/(?:home|root|tmp|Users)\b|hostname|username)/)
  })
})

/** The elements that are opened and not closed, or the other way round, and text that is no SVG. */
function unbalanced(svg: string): string[] {
  const open: string[] = []
  const wrong: string[] = []
  const rest = svg.replace(
    /<(\/?)(\w+)((?:\s+[\w:-]+="[^"<&]*(?:&\w+;[^"<&]*)*")*)\s*(\/?)>/g,
    (_, end, name, __, empty) => {
      if (end && open.pop() !== name) wrong.push(name)
      if (!end && !empty) open.push(name)
      return ''
    },
  )
  if (/[<>]|&(?!\w+;)/.test(rest)) wrong.push('text')
  return [...wrong, ...open]
}
