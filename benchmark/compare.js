// @ts-check
'use strict'

// Compares several implementations of one operation in interleaved rounds. Each contestant takes part in every round, and
// the order rotates, so that other load on the machine affects all of them equally.

const { ratio, summary } = require('./statistics.js')

/**
 * Runs the operation once or several times, and returns the duration (or another figure) of each run.
 *
 * @typedef {(round: number) => number | number[] | Promise<number | number[]>} Contestant
 */

/**
 * The figures of all contestants. A ratio is the contestant's median divided by the median of the first contestant, which is
 * this addon. Above 1, the addon is faster or smaller.
 *
 * @typedef {import('./statistics.js').Summary} Summary
 * @typedef {import('./statistics.js').Ratio} Ratio
 * @typedef {{
 *   id: string, part: string, label: string, unit: string,
 *   contestants: Record<string, Summary>, ratios: Record<string, Ratio>, failures: Record<string, string>,
 * }} Measurement
 */

/**
 * Measures the contestants of a scenario.
 *
 * @param {{
 *   id: string, part: string, label: string, unit?: string,
 *   contestants: Record<string, Contestant>, rounds: number, warmup?: number, every?: Record<string, number>,
 *   between?: () => void,
 * }} scenario `every`: contestants that take part only once in that many rounds (`Infinity`: in the first one only);
 * `warmup`: unmeasured runs of each contestant, by default 1; `between` is called before every round
 * @returns {Promise<Measurement>} rejects if the first contestant fails; another one that fails is reported and left out
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
  const samples = new Map(names.map((name) => [name, []]))
  /** @type {Record<string, string>} */
  const failures = {}
  /** @param {string} name @param {number} round @returns {Promise<number[]>} */
  const measure = async (name, round) => {
    if (failures[name] !== undefined) return []
    try {
      return [(await contestants[name]?.(round)) ?? []].flat()
    } catch (error) {
      if (name === names[0]) throw error
      failures[name] = error instanceof Error ? error.message : String(error)
      return []
    }
  }
  for (const name of names) {
    // A contestant that takes part rarely is slow and needs no warm-up.
    const times = (every[name] ?? 1) > 1 ? 0 : warmup
    for (let i = 0; i < times; i += 1) await measure(name, -1)
  }
  for (let round = 0; round < rounds; round += 1) {
    between()
    for (const name of rotation(names, round)) {
      if (round % (every[name] ?? 1) === 0) samples.get(name)?.push(await measure(name, round))
    }
  }
  return summarize({ id, part, label, unit, samples, failures })
}

/**
 * Returns the order of the contestants in a round. Every second round is reversed, and every pair of rounds starts with
 * another contestant, so that each is first equally often and follows each of the others.
 *
 * @param {readonly string[]} names
 * @param {number} round
 */
function rotation(names, round) {
  const first = Math.floor(round / 2) % names.length
  const rotated = [...names.slice(first), ...names.slice(0, first)]
  return round % 2 === 0 ? rotated : rotated.reverse()
}

/**
 * Returns the measurement for samples that were taken before.
 *
 * @param {{
 *   id: string, part: string, label: string, unit: string, samples: Map<string, number[][]>, failures?: Record<string, string>,
 * }} figures
 * @returns {Measurement}
 */
function summarize({ id, part, label, unit, samples, failures = {} }) {
  const [[, ours] = ['', []], ...others] = samples
  const succeeded = (/** @type {string} */ name) => failures[name] === undefined
  return {
    id,
    part,
    label,
    unit,
    contestants: Object.fromEntries(
      [...samples].filter(([name]) => succeeded(name)).map(([name, rounds]) => [name, summary(rounds.flat())]),
    ),
    ratios: Object.fromEntries(
      others.filter(([name]) => succeeded(name)).map(([name, rounds]) => [name, ratio(rounds, ours)]),
    ),
    failures,
  }
}

/**
 * Runs work and resolves to its duration in milliseconds.
 *
 * @param {() => unknown} work
 */
async function timed(work) {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/**
 * Runs work several times in a row and resolves to the duration of each run in milliseconds.
 *
 * @param {number} times
 * @param {() => unknown} work
 */
async function repeated(times, work) {
  const durations = []
  for (let i = 0; i < times; i += 1) durations.push(await timed(work))
  return durations
}

module.exports = { compare, repeated, rotation, summarize, timed }
