// @ts-check
'use strict'

// Measures several ways of doing one thing side by side: each has its turn in every round, and the order turns round from
// one round to the next, so that whatever else the machine does falls on all of them alike.

const { ratio, summary } = require('./statistics.js')

/**
 * One way of doing it: does it once (or several times) and gives how long each took.
 *
 * @typedef {(round: number) => number | number[] | Promise<number | number[]>} Contestant
 */

/**
 * What came out. The ratios say how many times our figure theirs is; above 1 means that we are faster, or smaller.
 *
 * @typedef {{ median: number, p95: number, n: number }} Summary
 * @typedef {{ value: number, low: number | null, high: number | null }} Ratio
 * @typedef {{
 *   id: string, part: string, label: string, unit: string,
 *   contestants: Record<string, Summary>, ratios: Record<string, Ratio>, failures: Record<string, string>,
 * }} Measurement
 */

/**
 * @param {{
 *   id: string, part: string, label: string, unit?: string,
 *   contestants: Record<string, Contestant>, rounds: number, warmup?: number, every?: Record<string, number>,
 *   between?: () => void,
 * }} scenario the first contestant is the one the others are compared with; one with a number in `every` takes part
 * only once in that many rounds (Infinity: in the first one alone); each is run `warmup` times (1) without being measured;
 * `between` is called before every round
 * @returns {Promise<Measurement>}
 */
async function compare({
  id,
  part,
  label,
  unit = 'ms',
  contestants,
  rounds,
  warmup = 1,
  every = {},
  between = () => {},
}) {
  const names = Object.keys(contestants)
  /** @type {Map<string, number[][]>} */
  const measured = new Map(names.map((name) => [name, []]))
  /** @type {Record<string, string>} */
  const failures = {}
  /** @param {string} name @param {number} round @returns {Promise<number[]>} nothing from one that failed */
  const turn = async (name, round) => {
    if (failures[name] !== undefined) return []
    try {
      return [(await contestants[name]?.(round)) ?? []].flat()
    } catch (error) {
      // That another one fails is worth telling, and no reason to measure nothing; that we do is an error.
      if (name === names[0]) throw error
      failures[name] = error instanceof Error ? error.message : String(error)
      return []
    }
  }
  for (const name of names) {
    // What takes part so rarely is slow, and has no need to be warm.
    const times = (every[name] ?? 1) > 1 ? 0 : warmup
    for (let i = 0; i < times; i += 1) await turn(name, -1)
  }
  for (let round = 0; round < rounds; round += 1) {
    between()
    for (const name of order(names, round)) {
      if (round % (every[name] ?? 1) === 0) measured.get(name)?.push(await turn(name, round))
    }
  }
  return settle({ id, part, label, unit, measured, failures })
}

/**
 * Who comes when: in every second round the other way round, and in every pair of rounds another one first, so that each
 * is as often first as the others and follows each of them.
 *
 * @param {readonly string[]} names
 * @param {number} round
 */
function order(names, round) {
  const first = Math.floor(round / 2) % names.length
  const turned = [...names.slice(first), ...names.slice(0, first)]
  return round % 2 === 0 ? turned : turned.reverse()
}

/**
 * The same of figures that somebody has already.
 *
 * @param {{ id: string, part: string, label: string, unit: string, measured: Map<string, number[][]>, failures?: Record<string, string> }} figures
 * who failed is left out, and why is told
 * @returns {Measurement}
 */
function settle({ id, part, label, unit, measured, failures = {} }) {
  const [[, ours] = ['', []], ...all] = measured
  const others = all.filter(([name]) => failures[name] === undefined)
  return {
    id,
    part,
    label,
    unit,
    contestants: Object.fromEntries(
      [...measured]
        .filter(([name]) => failures[name] === undefined)
        .map(([name, rounds]) => [name, summary(rounds.flat())]),
    ),
    ratios: Object.fromEntries(others.map(([name, rounds]) => [name, ratio(rounds, ours)])),
    failures,
  }
}

/**
 * How long something takes, in milliseconds.
 *
 * @param {() => unknown} work
 */
async function timed(work) {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/**
 * How long something takes each of several times in a row.
 *
 * @param {number} times
 * @param {() => unknown} work
 */
async function repeated(times, work) {
  const results = []
  for (let i = 0; i < times; i += 1) results.push(await timed(work))
  return results
}

module.exports = { compare, order, repeated, settle, timed }
