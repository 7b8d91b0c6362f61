// The statistics, verdicts, plot and command line of the benchmark, and the results of its baselines. No test depends on speed.

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { SecureStore } from '@llxprt/securestore'
import { describe, expect, test } from 'vitest'
import { BaselineStore } from '../benchmark/baseline.js'
import { compare, type Measurement } from '../benchmark/compare.js'
import { deriveKeys, readAllValues, readValue } from '../benchmark/floor.js'
import { GOALS, judge } from '../benchmark/goals.js'
import { PARTS, parse } from '../benchmark/options.js'
import { apart, bench, plot } from '../benchmark/plot.js'
import { table, verdictMarkdown } from '../benchmark/report.js'
import { growthExponent, median, quantile, ratio, summary } from '../benchmark/statistics.js'
import { newDirectory, noKeyring } from './support/helpers'
import { ROOT } from './support/node'

const once = (...values: number[]) => values.map((value) => [value])

function measurement(id: string, medians: Record<string, number>): Measurement {
  const [ours = 1] = Object.values(medians)
  const contestants = Object.entries(medians).map(([who, median]) => [who, { p10: median, median, p90: median, n: 9 }])
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
  test('compute the median of an odd and of an even number of samples, in any order', () => {
    expect(median([5, 1, 3])).toBe(3)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([10, 9, 100])).toBe(10)
  })

  test('interpolate percentiles between two samples', () => {
    expect(quantile([...Array(101).keys()], 0.95)).toBe(95)
    expect(quantile([0, 1], 0.95)).toBeCloseTo(0.95)
    expect(summary([...Array(11).keys()])).toEqual({ p10: 1, median: 5, p90: 9, n: 11 })
  })

  test('compute the growth exponent between the two largest sizes', () => {
    expect(
      growthExponent([
        [1000, 30],
        [10, 7],
        [100, 3],
      ]),
    ).toBeCloseTo(1)
    expect(
      growthExponent([
        [100, 5],
        [1000, 5],
      ]),
    ).toBe(0)
    expect(() => growthExponent([[10, 1]])).toThrow(RangeError)
  })

  test('throw for an empty list of samples', () => {
    expect(() => median([])).toThrow(RangeError)
  })

  test('compute a ratio with a reproducible interval around it', () => {
    const theirs = once(20, 22, 18, 21, 19, 20, 23, 17)
    const ours = once(2, 2.1, 1.9, 2, 2.2, 1.8, 2, 2)
    const found = ratio(theirs, ours)
    expect(found.value).toBeCloseTo(10)
    expect(found.low).toBeLessThan(10)
    expect(found.high).toBeGreaterThan(10)
    expect(ratio(theirs, ours)).toEqual(found)
  })

  test('resample rounds as pairs, so that a disturbance of both sides does not change the ratio', () => {
    const moments = [1, 5, 1, 2, 9, 1, 4, 3]
    const found = ratio(once(...moments.map((moment) => 3 * moment)), once(...moments))
    expect(found).toEqual({ value: 3, low: 3, high: 3 })
  })

  test('report no interval for too few rounds', () => {
    expect(ratio(once(27_000), once(20, 21, 22, 23, 24))).toMatchObject({ low: null, high: null })
  })
})

describe('a comparison', () => {
  test('measures every contestant in every round, in a rotating order', async () => {
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

describe('a failing contestant', () => {
  const fails = () => Promise.reject(new Error('no connection'))
  const works = () => 1
  const scenario = { id: 'failing', part: 'keyring', label: 'failing', rounds: 2 }

  test('is reported and left out, and the others are measured', async () => {
    const found = await compare({ ...scenario, contestants: { addon: works, 'napi-keyring': fails, baseline: works } })
    expect(Object.keys(found.contestants)).toEqual(['addon', 'baseline'])
    expect(Object.keys(found.ratios)).toEqual(['baseline'])
    expect(table([found])).toMatch(/@napi-rs\/keyring +failed: no connection/)
  })

  test('ends the run if it is the addon', async () => {
    await expect(compare({ ...scenario, contestants: { addon: fails, baseline: works } })).rejects.toThrow(
      'no connection',
    )
  })
})

describe('the verdict on a goal', () => {
  const verdict = (found: Measurement, goal: (typeof GOALS)[number]) => judge([found], [goal])[0]

  test('that asks for a factor is met by at least that factor', () => {
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

  test('that limits the cost to a factor is met by at most that factor', () => {
    const goal = { text: 'no dearer', measurement: 'm', atMost: 1.25, timesOf: 'bare-write' }
    expect(verdict(measurement('m', { addon: 1.1, 'bare-write': 1 }), goal)).toMatchObject({ verdict: 'met' })
    expect(verdict(measurement('m', { addon: 2, 'bare-write': 1 }), goal)).toMatchObject({
      verdict: 'missed',
      measured: '2.00× (1.82 to 2.22)',
    })
  })

  test('that sets a limit considers only the addon', () => {
    const goal = { text: 'small', measurement: 'm', below: 4, inclusive: true }
    expect(verdict(measurement('m', { addon: 4, 'napi-keyring': 3 }), goal)).toMatchObject({ verdict: 'met' })
    expect(verdict(measurement('m', { addon: 4.01, 'napi-keyring': 3 }), goal)).toMatchObject({ verdict: 'missed' })
  })

  test('that asks for no difference is missed by a difference larger than noise', () => {
    const goal = { text: 'free', measurement: 'm', noSlowerThan: 'removed' }
    expect(verdict(measurement('m', { never: 1, removed: 0.99 }), goal)).toMatchObject({ verdict: 'met', close: false })
    expect(verdict(measurement('m', { never: 1, removed: 1.05 }), goal)).toMatchObject({ verdict: 'met', close: true })
    expect(verdict(measurement('m', { never: 1, removed: 1.5 }), goal)).toMatchObject({ verdict: 'missed' })
    const fewRounds = (value: number) => ({
      ...measurement('m', { never: 1, removed: value }),
      ratios: { removed: { value, low: null, high: null } },
    })
    expect(verdict(fewRounds(1.05), goal)).toMatchObject({ verdict: 'met', close: true })
    expect(verdict(fewRounds(1.2), goal)).toMatchObject({ verdict: 'missed' })
  })

  test('that compares growth with the floor allows the difference', () => {
    const goal = { text: 'growth', measurement: 'm', aboveFloor: 0.15, floor: 'raw-calls' }
    expect(verdict(measurement('m', { addon: 1.6, 'raw-calls': 1.5 }), goal)).toMatchObject({
      verdict: 'met',
      measured: '1.60 against 1.50',
    })
    expect(verdict(measurement('m', { addon: 1.7, 'raw-calls': 1.5 }), goal)).toMatchObject({ verdict: 'missed' })
    expect(verdict(measurement('m', { addon: 1 }), goal)).toMatchObject({ verdict: 'not measured' })
  })

  test('is `not measured` when nothing was measured', () => {
    expect(judge([]).map((goal) => goal.verdict)).toEqual(GOALS.map(() => 'not measured'))
  })

  test('is a row in the table of goals, and a measurement has rows in the table of figures', () => {
    const found = measurement('m', { addon: 1, baseline: 20 })
    const rows = verdictMarkdown(judge([found], [{ text: 'fast', measurement: 'm', atLeast: 10, faster: 'baseline' }]))
    expect(rows.split('\n')[2]).toBe('| fast | 20.0× (18.0 to 22.0) | met     |')
    expect(table([found])).toMatch(/JavaScript store +20\.0 +20\.0 +20\.0 +9 {2}20\.0× \(18\.0 to 22\.0\)/)
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

  test('is well-formed SVG with a line, a name and markers for every series', () => {
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

  test('leaves out a series that was not measured, and throws when there is none', () => {
    const svg = bench(measurements.filter(({ id }) => id.startsWith('files-read-all-1')))
    expect(svg.match(/<polyline/g)).toHaveLength(2)
    expect(() => bench([])).toThrow(RangeError)
  })

  test('escapes names', () => {
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

  test('moves overlapping labels apart and keeps them inside', () => {
    expect(apart([10, 12, 200], 30, 260)).toEqual([10, 40, 200])
    expect(apart([250, 255, 258], 30, 260)).toEqual([200, 230, 260])
  })
})

describe.each([1, 2])('the JavaScript store, with files of version %i', (version) => {
  const value = 'sk-ant 🔑\nsecond line'

  async function stores() {
    const directory = path.join(newDirectory(), 'files')
    const secret = version === 2 ? path.join(directory, '..', 'machine_secret') : undefined
    const machineSecret = secret ? { machineSecretPath: secret } : { envelopeVersion: 1 as const }
    const addon = new SecureStore('a service', { fallbackDir: directory, keyringLoader: noKeyring, ...machineSecret })
    await addon.set('a', `${value} of a`)
    return { addon, baseline: new BaselineStore('a service', directory, secret), directory, secret }
  }

  test('reads what the addon wrote, and so does the floor', async () => {
    const { addon, baseline, directory, secret } = await stores()
    await addon.set('b', `${value} of b`)
    expect(await baseline.list()).toEqual(['a', 'b'])
    expect(await baseline.readAll()).toEqual([`${value} of a`, `${value} of b`])
    expect(await baseline.get('nothing')).toBeNull()
    const derivedKeys = await deriveKeys('a service', directory, secret)
    expect(readValue(directory, 'b.enc', derivedKeys)).toBe(`${value} of b`)
    expect(readAllValues(directory, derivedKeys)).toHaveLength(2)
  })

  test('writes what the addon reads, as one private file per key', async () => {
    const { addon, baseline, directory } = await stores()
    for (const key of ['b', 'a']) await baseline.set(key, `${value} from JavaScript, ${key}`)
    expect(readdirSync(directory).filter((name) => !name.startsWith('.'))).toEqual(['a.enc', 'b.enc'])
    expect(statSync(path.join(directory, 'a.enc')).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(path.join(directory, 'b.enc'), 'utf8')).v).toBe(version)
    expect(await addon.list()).toEqual(['a', 'b'])
    expect(await addon.get('a')).toBe(`${value} from JavaScript, a`)
    expect(await addon.get('b')).toBe(`${value} from JavaScript, b`)
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

  test('prints its options and measures nothing with --help', async () => {
    const { code, stdout } = await run('--help')
    expect(code).toBe(0)
    for (const option of ['--quick', '--only', '--against', '--json', '--check']) expect(stdout).toContain(option)
  })

  test.each([
    { args: ['--fast'], message: '--fast' },
    { args: ['files'], message: 'files' },
    {
      args: ['--only', 'disk'],
      message: "Unknown part 'disk'. Known: files, keyring, process, concurrency, scaling, cost",
    },
    { args: ['--quick', '--readme'], message: '--readme requires a complete run: omit --quick and --only' },
    {
      args: ['--against', 'HEAD', '--check'],
      message: '--against can be combined only with --quick, --dir and --no-build',
    },
  ])('refuses $args and explains its options', async ({ args, message }) => {
    const { code, stdout, stderr } = await run(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr).toContain('npm run bench -- [options]')
  })

  test('measures every part by default', () => {
    expect(parse([])).toMatchObject({ quick: false, parts: PARTS, build: true })
    expect(parse(['--only', 'files', '--only', 'process'])).toMatchObject({ parts: ['files', 'process'] })
  })

  test('writes results without host names, user names and paths', () => {
    const results = readFileSync(path.join(ROOT, 'benchmark/results.json'), 'utf8')
    expect(JSON.parse(results)).toMatchObject({ machine: { cpu: expect.any(String), node: expect.any(String) } })
    expect(results).not.toMatch(/"[^"]*(?:\/(?:home|root|tmp|Users)\b|hostname|username)/)
  })
})

/** Returns elements that are not opened or not closed, and `text` for characters that SVG must escape. */
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
