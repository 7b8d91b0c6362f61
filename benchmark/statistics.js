// @ts-check
'use strict'

// Statistics of repeated measurements: quantiles, ratios with a confidence interval, and growth exponents.

/** The number of resamples for a bootstrap interval. */
const RESAMPLES = 1000
/** The minimum number of rounds for an interval. With fewer rounds, it would mostly reflect chance. */
const MIN_ROUNDS = 5

/**
 * @typedef {{ p10: number, median: number, p90: number, n: number }} Summary
 * @typedef {{ value: number, low: number | null, high: number | null }} Ratio `low` and `high` are a 95 % interval
 */

/**
 * Returns the value below which a fraction of the samples lies, interpolated between two samples.
 *
 * @param {readonly number[]} samples
 * @param {number} fraction from 0 to 1
 */
function quantile(samples, fraction) {
  if (samples.length === 0) throw new RangeError('No samples')
  const sorted = Float64Array.from(samples).sort()
  const position = (sorted.length - 1) * fraction
  const below = Math.floor(position)
  const low = sorted[below] ?? Number.NaN
  const high = sorted[Math.ceil(position)] ?? Number.NaN
  return low + (high - low) * (position - below)
}

/** @param {readonly number[]} samples */
function median(samples) {
  return quantile(samples, 0.5)
}

/**
 * @param {readonly number[]} samples
 * @returns {Summary}
 */
function summary(samples) {
  return { p10: quantile(samples, 0.1), median: median(samples), p90: quantile(samples, 0.9), n: samples.length }
}

/**
 * Returns the ratio of two medians with a 95 % bootstrap interval. Whole rounds are resampled, because a disturbance, such
 * as another busy program, affects all samples of a round. Rounds of both contestants are resampled as pairs.
 *
 * @param {readonly (readonly number[])[]} theirs the samples of each round
 * @param {readonly (readonly number[])[]} ours
 * @returns {Ratio}
 */
function ratio(theirs, ours) {
  const value = median(theirs.flat()) / median(ours.flat())
  if (Math.min(theirs.length, ours.length) < MIN_ROUNDS) return { value, low: null, high: null }
  const random = generator(theirs.length * 1009 + ours.length)
  const ratios = Array.from({ length: RESAMPLES }, () => {
    const drawn = draw(random, theirs.length)
    const paired = theirs.length === ours.length ? drawn : draw(random, ours.length)
    return median(drawn.flatMap((round) => theirs[round] ?? [])) / median(paired.flatMap((round) => ours[round] ?? []))
  })
  return { value, low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) }
}

/**
 * Returns the exponent with which a cost grows from the second largest to the largest size: 0 for a constant cost, 1 for a
 * linear one.
 *
 * @param {ReadonlyArray<readonly [size: number, cost: number]>} points
 */
function growthExponent(points) {
  const [[size1, cost1] = [0, 0], [size2, cost2] = [0, 0]] = [...points].sort(([a], [b]) => a - b).slice(-2)
  if (!(size1 > 0 && size2 > size1)) throw new RangeError('A growth exponent needs two sizes')
  return Math.log(cost2 / cost1) / Math.log(size2 / size1)
}

/**
 * @param {() => number} random
 * @param {number} rounds
 */
function draw(random, rounds) {
  return Array.from({ length: rounds }, () => Math.floor(random() * rounds))
}

/**
 * Returns a pseudo-random generator (mulberry32) of numbers from 0 to 1. A fixed seed makes intervals reproducible.
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

module.exports = { growthExponent, median, quantile, ratio, summary }
