// @ts-check
'use strict'

// The goals of this addon, and whether a run reached them. A goal is compared with the median. If the interval of the ratio
// contains the limit, another run may have the opposite result, and the verdict says so.

/**
 * A goal for one measurement. `below` limits the figure of the addon, the first contestant. `aboveFloor` limits by how much
 * this figure may exceed that of another contestant.
 *
 * @typedef {import('./compare.js').Measurement} Measurement
 * @typedef {{ text: string, measurement: string } & (
 *   | { atLeast: number, faster: string }
 *   | { atMost: number, timesOf: string }
 *   | { below: number, inclusive?: boolean }
 *   | { aboveFloor: number, floor: string }
 *   | { noSlowerThan: string }
 * )} Goal
 * @typedef {{
 *   text: string, measurement: string, verdict: 'met' | 'missed' | 'not measured', measured: string, close: boolean,
 * }} Verdict `close`: too close to call
 */

/** A difference below this ratio may be hidden by noise; above it the interval would show it. */
const HIDDEN = 1.1
/** Growth exponents that count as constant and as linear, with the noise of a measurement. */
const CONSTANT = 0.15
const LINEAR = 1.15

/** @type {Goal[]} */
const GOALS = [
  {
    text: 'file, fresh process: load and get 10 times faster',
    measurement: 'files-load-and-get',
    atLeast: 10,
    faster: 'typescript',
  },
  { text: 'file, fresh process: first get itself under 2 ms', measurement: 'files-first-get', below: 2 },
  {
    text: 'file, fresh process: list and read 1,000 under 25 ms',
    measurement: 'files-read-all-cold-1000',
    below: 25,
  },
  { text: 'file: later get 100 times faster', measurement: 'files-get-50-100', atLeast: 100, faster: 'baseline' },
  ...[50, 1000].map((count) => ({
    text: `file: set within 1.15 of a bare write, ${count.toLocaleString('en')} keys`,
    measurement: `files-set-${count}-100`,
    atMost: 1.15,
    timesOf: 'bare-write',
  })),
  ...[50, 1000].map((count) => ({
    text: `file: set within 1.15 of one on a thread, ${count.toLocaleString('en')} keys`,
    measurement: `files-set-${count}-100`,
    atMost: 1.15,
    timesOf: 'bare-write-thread',
  })),
  {
    text: 'file: update within 1.3 times of a set',
    measurement: 'files-update-50-100',
    atMost: 1.3,
    timesOf: 'addon-set',
  },
  {
    text: 'file: list and read all 50, 1,000 times faster',
    measurement: 'files-read-all-50',
    atLeast: 1000,
    faster: 'baseline',
  },
  {
    text: 'file: first derivation no slower than OpenSSL',
    measurement: 'files-derivation',
    atLeast: 1,
    faster: 'scrypt',
  },
  { text: 'keyring: get 10 times faster', measurement: 'keyring-get-50', atLeast: 10, faster: 'napi-keyring' },
  ...['replace', 'new'].map((kind) => ({
    text: `keyring: verified set (${kind}) 5 times faster`,
    measurement: `keyring-set-${kind}-disk`,
    atLeast: 5,
    faster: 'napi-keyring-set-get',
  })),
  { text: 'keyring: list of 50, 50 times faster', measurement: 'keyring-list-50', atLeast: 50, faster: 'napi-keyring' },
  {
    text: 'keyring: list and read all 50, 60 times faster',
    measurement: 'keyring-read-all-50',
    atLeast: 60,
    faster: 'napi-keyring',
  },
  ...Object.entries({ SearchItems: 'one listing', GetSecrets: 'one batch' }).map(([method, text]) => ({
    text: `keyring: /key list of 1,000, ${text}`,
    measurement: `keyring-messages-1000-${method}`,
    below: 1,
    inclusive: true,
  })),
  { text: 'load the module under 2.5 ms', measurement: 'require', below: 2.5 },
  { text: 'binary no larger than 4.25 MB', measurement: 'binary', below: 4.25, inclusive: true },
  ...['files-get', 'files-set', 'keyring-get'].flatMap((name) => [
    {
      text: `1,000 at once (${name}): at most 16 threads`,
      measurement: `burst-${name}-threads`,
      below: 16,
      inclusive: true,
    },
    {
      text: `1,000 at once (${name}): delay under 5 ms`,
      measurement: `burst-${name}-delay`,
      below: 5,
    },
  ]),
  {
    text: '8 workers, 1,000 calls: at most 16 threads',
    measurement: 'workers-threads',
    below: 16,
    inclusive: true,
  },
  ...['get', 'set'].map((op) => ({
    text: `scaling, files: ${op} constant`,
    measurement: `scaling-files-${op}`,
    below: CONSTANT,
    inclusive: true,
  })),
  ...['list', 'entries'].map((op) => ({
    text: `scaling, files: ${op} at most linear`,
    measurement: `scaling-files-${op}`,
    below: LINEAR,
    inclusive: true,
  })),
  ...['get', 'set', 'list', 'entries'].map((op) => ({
    text: `scaling, keyring: ${op} no steeper than the daemon`,
    measurement: `scaling-keyring-${op}`,
    aboveFloor: CONSTANT,
    floor: 'raw-calls',
  })),
  {
    text: 'idle process: no wake-ups (system calls in 2 s)',
    measurement: 'idle-system-calls',
    aboveFloor: 2,
    floor: 'idle',
  },
  { text: 'log off costs nothing (had a sink, against never)', measurement: 'telemetry', noSlowerThan: 'removed' },
]

/**
 * Compares the measurements with the goals.
 *
 * @param {readonly Measurement[]} measurements
 * @param {readonly Goal[]} [goals]
 * @returns {Verdict[]}
 */
function judge(measurements, goals = GOALS) {
  return goals.map((goal) => {
    const { text, measurement: id } = goal
    const measurement = measurements.find((candidate) => candidate.id === id)
    const outcome = measurement && outcomeOf(goal, measurement)
    if (!outcome) return { text, measurement: id, verdict: 'not measured', measured: '', close: false }
    const { met, measured, close } = outcome
    return { text, measurement: id, verdict: met ? 'met' : 'missed', measured, close }
  })
}

/** Returns text such as `35× (31 to 39)`. @param {import('./compare.js').Ratio} ratio */
function times({ value, low, high }) {
  const interval = low === null || high === null ? '' : ` (${decimals(low)} to ${decimals(high)})`
  return `${decimals(value)}×${interval}`
}

/** Returns a number with three significant figures. @param {number} value */
function decimals(value) {
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en')
  return size >= 10 ? value.toFixed(1) : value.toFixed(size >= 0.1 ? 2 : 3)
}

/**
 * @param {Goal} goal
 * @param {Measurement} measurement
 */
function outcomeOf(goal, { contestants, ratios, unit }) {
  const ours = Object.values(contestants)[0]?.median
  if ('below' in goal) {
    if (ours === undefined) return undefined
    const met = goal.inclusive ? ours <= goal.below : ours < goal.below
    return { met, measured: `${decimals(ours)} ${unit}`, close: false }
  }
  if ('aboveFloor' in goal) {
    const floor = contestants[goal.floor]?.median
    if (ours === undefined || floor === undefined) return undefined
    const measured = `${decimals(ours)} against ${decimals(floor)}`
    return { met: ours - floor <= goal.aboveFloor, measured, close: false }
  }
  if ('noSlowerThan' in goal) {
    const ratio = ratios[goal.noSlowerThan]
    if (!ratio) return undefined
    // Noise is above 1 as often as below. Without an interval, a difference within the noise does not count.
    const met = (ratio.low ?? ratio.value / HIDDEN) <= 1
    // An interval that is too wide to exclude a difference proves nothing.
    return { met, measured: times(ratio), close: met && (ratio.high ?? Infinity) > HIDDEN }
  }
  if ('atLeast' in goal) {
    const ratio = ratios[goal.faster]
    if (!ratio) return undefined
    return { met: ratio.value >= goal.atLeast, measured: times(ratio), close: contains(ratio, goal.atLeast) }
  }
  const theirs = ratios[goal.timesOf]
  if (!theirs) return undefined
  const ratio = inverse(theirs)
  return { met: ratio.value <= goal.atMost, measured: times(ratio), close: contains(ratio, goal.atMost) }
}

/**
 * Returns whether the interval of a ratio contains a limit.
 *
 * @param {import('./compare.js').Ratio} ratio
 * @param {number} limit
 */
function contains({ low, high }, limit) {
  return low !== null && high !== null && low < limit && limit < high
}

/** @param {import('./compare.js').Ratio} ratio */
function inverse({ value, low, high }) {
  return { value: 1 / value, low: high === null ? null : 1 / high, high: low === null ? null : 1 / low }
}

module.exports = { GOALS, decimals, judge, times }
