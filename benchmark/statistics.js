// @ts-check
'use strict'

// What is said of many measurements of one thing: the median, the 95th percentile, and how sure a ratio of two is.

/** How often the measurements are drawn anew for an interval. */
const RESAMPLES = 1000
/** With fewer rounds than this an interval would say more about chance than about what was measured. */
const ENOUGH_ROUNDS = 5

/**
 * The value below which this part of the samples lies, between two of them in proportion.
 *
 * @param {readonly number[]} samples
 * @param {number} part from 0 to 1
 */
function quantile(samples, part) {
  if (samples.length === 0) throw new RangeError('nothing was measured')
  const sorted = Float64Array.from(samples).sort()
  const place = (sorted.length - 1) * part
  const below = Math.floor(place)
  const low = sorted[below] ?? Number.NaN
  const high = sorted[Math.ceil(place)] ?? Number.NaN
  return low + (high - low) * (place - below)
}

/** @param {readonly number[]} samples */
function median(samples) {
  return quantile(samples, 0.5)
}

/**
 * @param {readonly number[]} samples
 * @returns {{ median: number, p95: number, n: number }}
 */
function summary(samples) {
  return { median: median(samples), p95: quantile(samples, 0.95), n: samples.length }
}

/**
 * How many times the median of one is that of the other, with a 95 % interval by bootstrap: rounds are drawn anew, whole,
 * because what happened in one round (another program was busy) touched all that was measured in it. Rounds that both took
 * part in are drawn as pairs.
 *
 * @param {readonly (readonly number[])[]} theirs what was measured, a list for each round
 * @param {readonly (readonly number[])[]} ours
 * @returns {{ value: number, low: number | null, high: number | null }} no interval where there were too few rounds
 */
function ratio(theirs, ours) {
  const value = median(theirs.flat()) / median(ours.flat())
  if (Math.min(theirs.length, ours.length) < ENOUGH_ROUNDS) return { value, low: null, high: null }
  const random = generator(theirs.length * 1009 + ours.length)
  const ratios = Array.from({ length: RESAMPLES }, () => {
    const drawn = draw(random, theirs.length)
    const paired = theirs.length === ours.length ? drawn : draw(random, ours.length)
    return median(drawn.flatMap((round) => theirs[round] ?? [])) / median(paired.flatMap((round) => ours[round] ?? []))
  })
  return { value, low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) }
}

/**
 * @param {() => number} random
 * @param {number} rounds
 */
function draw(random, rounds) {
  return Array.from({ length: rounds }, () => Math.floor(random() * rounds))
}

/**
 * Numbers from 0 to 1 that look random and are the same every time (mulberry32): one set of measurements has one interval.
 *
 * @param {number} seed
 */
function generator(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

module.exports = { median, quantile, ratio, summary }
