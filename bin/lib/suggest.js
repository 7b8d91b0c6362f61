'use strict'

// Suggests corrections for unknown words, and decides which unknown words errors may repeat.

/** The maximum length of a word that errors repeat. A longer word may be an API key in the wrong place. */
const MAX_SHOWN_LENGTH = 20

/** The maximum edit distance of a suggestion. */
const MAX_DISTANCE = 3

/**
 * Returns the candidate that is most similar to `word`, or `undefined` if none is similar.
 *
 * @param {string} word
 * @param {string[]} candidates
 */
function nearest(word, candidates) {
  if (candidates.includes(`--${word}`)) return `--${word}`
  const limit = Math.min(Math.max(1, Math.floor(word.length / 3)), MAX_DISTANCE)
  let best
  for (const candidate of candidates) {
    const isPrefix = word.length >= 2 && candidate.startsWith(word)
    const distance = isPrefix ? 1 : editDistance(word.toLowerCase(), candidate)
    if (distance <= limit && (!best || distance < best.distance)) best = { candidate, distance }
  }
  return best?.candidate
}

/**
 * Returns ` 'word'` for a message, or an empty string if the word may be a secret. It may be one if there is no suggestion and
 * it is long or contains other characters than letters and dashes.
 */
function quoteUnknown(word, suggestion) {
  const isShown = suggestion !== undefined || (word.length <= MAX_SHOWN_LENGTH && /^-{0,2}[A-Za-z-]*$/.test(word))
  return isShown ? ` '${word}'` : ''
}

/** Returns the number of insertions, deletions, substitutions and swaps of neighbours that turn one word into the other. */
function editDistance(from, to) {
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const substitution = rows[i - 1][j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1)
      const swap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      row.push(Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, substitution, swap ? rows[i - 2][j - 2] + 1 : Infinity))
    }
    rows.push(row)
  }
  return rows[from.length][to.length]
}

module.exports = { nearest, quoteUnknown }
