// @ts-check
'use strict'

// What this addon set out to reach, and whether it did. A goal is held against the median; where the interval of the ratio
// holds the limit, too, another run may come out the other way, and that is said.

/**
 * @typedef {import('./compare.js').Measurement} Measurement
 * @typedef {{ text: string, measurement: string } & (
 *   | { atLeast: number, faster: string }
 *   | { atMost: number, timesOf: string }
 *   | { below: number, inclusive?: boolean }
 *   | { noSlowerThan: string }
 * )} Goal
 * @typedef {{
 *   text: string, measurement: string, verdict: 'met' | 'missed' | 'not measured', measured: string, close: boolean,
 * }} Verdict `close`: too close to call
 */

/** A ratio that would matter, though noise may look like it. */
const HIDDEN = 1.1

/** @type {Goal[]} */
const GOALS = [
  {
    text: 'file: first get no slower than scrypt of OpenSSL',
    measurement: 'files-first-get',
    atLeast: 1,
    faster: 'scrypt',
  },
  { text: 'file: later get 100 times faster', measurement: 'files-get-50-100', atLeast: 100, faster: 'baseline' },
  { text: 'file: set 10 times faster', measurement: 'files-set-50-100', atLeast: 10, faster: 'baseline' },
  {
    text: 'file: set within 1.25 times of a bare write',
    measurement: 'files-set-50-100',
    atMost: 1.25,
    timesOf: 'bare-write',
  },
  {
    text: 'file: list and read all 50, 30 times faster',
    measurement: 'files-read-all-50',
    atLeast: 30,
    faster: 'baseline',
  },
  {
    text: 'file: list and read all 1,000, fresh process, under 150 ms',
    measurement: 'files-read-all-cold-1000',
    below: 150,
  },
  { text: 'keyring: get 10 times faster', measurement: 'keyring-get-50', atLeast: 10, faster: 'napi-keyring' },
  { text: 'keyring: set 5 times faster', measurement: 'keyring-set-50', atLeast: 5, faster: 'napi-keyring' },
  { text: 'keyring: list of 50, 8 times faster', measurement: 'keyring-list-50', atLeast: 8, faster: 'napi-keyring' },
  {
    text: 'keyring: list and read all 50, 30 times faster',
    measurement: 'keyring-read-all-50',
    atLeast: 30,
    faster: 'napi-keyring',
  },
  { text: 'require under 5 ms', measurement: 'require', below: 5 },
  { text: 'binary no larger than 4 MB', measurement: 'binary', below: 4, inclusive: true },
  { text: 'log off costs nothing (had a sink, against never)', measurement: 'telemetry', noSlowerThan: 'removed' },
]

/**
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

/**
 * @param {Goal} goal
 * @param {Measurement} measurement
 */
function outcomeOf(goal, { contestants, ratios, unit }) {
  if ('below' in goal) {
    // A goal is about the addon, the first of those that are compared.
    const median = Object.values(contestants)[0]?.median
    if (median === undefined) return undefined
    const met = goal.inclusive ? median <= goal.below : median < goal.below
    return { met, measured: `${decimals(median)} ${unit}`, close: false }
  }
  if ('noSlowerThan' in goal) {
    const ratio = ratios[goal.noSlowerThan]
    if (!ratio) return undefined
    // What costs nothing differs by nothing but noise, which is above 1 as often as below.
    const met = (ratio.low ?? ratio.value) <= 1
    // An interval that would hide a difference proves none.
    return { met, measured: times(ratio), close: met && (ratio.high ?? Infinity) > HIDDEN }
  }
  if ('atLeast' in goal) {
    const ratio = ratios[goal.faster]
    if (!ratio) return undefined
    return { met: ratio.value >= goal.atLeast, measured: times(ratio), close: holds(ratio, goal.atLeast) }
  }
  const theirs = ratios[goal.timesOf]
  if (!theirs) return undefined
  const ratio = inverse(theirs)
  return { met: ratio.value <= goal.atMost, measured: times(ratio), close: holds(ratio, goal.atMost) }
}

/**
 * @param {import('./compare.js').Ratio} ratio
 * @param {number} limit
 */
function holds({ low, high }, limit) {
  return low !== null && high !== null && low < limit && limit < high
}

/** @param {import('./compare.js').Ratio} ratio */
function inverse({ value, low, high }) {
  return { value: 1 / value, low: high === null ? null : 1 / high, high: low === null ? null : 1 / low }
}

/** As `35× (31 to 39)`. @param {import('./compare.js').Ratio} ratio */
function times({ value, low, high }) {
  const interval = low === null || high === null ? '' : ` (${decimals(low)} to ${decimals(high)})`
  return `${decimals(value)}×${interval}`
}

/** A number with three figures that mean something. @param {number} value */
function decimals(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value >= 10 ? value.toFixed(1) : value.toFixed(value >= 0.1 ? 2 : 3)
}

module.exports = { GOALS, decimals, judge, times }
