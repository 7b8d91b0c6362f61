// @ts-check
'use strict'

// Formats measurements and verdicts as text.

const { nameOf } = require('./contestants.js')
const { decimals, times } = require('./goals.js')

/**
 * @typedef {import('./compare.js').Measurement} Measurement
 * @typedef {import('./goals.js').Verdict} Verdict
 */

/** @type {Record<string, string>} */
const TITLES = {
  files: 'ENCRYPTED FILES, in a warm process',
  keyring: 'KEYRING, a private gnome-keyring',
  process: 'FRESH PROCESSES, encrypted files',
  concurrency: 'CONCURRENCY, 1,000 calls at once in fresh processes',
  scaling: 'SCALING',
  cost: 'COST',
}

/** The four figures of the README: the measurement, the operation, and the other contestant. */
const FIGURES = [
  ['files-get-50-100', 'files: read a key', 'the TypeScript store'],
  ['files-read-all-50', 'files: list and read 50 keys', 'the TypeScript store'],
  ['keyring-get-50', 'keyring: read a key', '`@napi-rs/keyring`'],
  ['keyring-read-all-50', 'keyring: list and read 50 keys', '`@napi-rs/keyring`'],
]

/** Returns a table for each part. @param {readonly Measurement[]} measurements */
function table(measurements) {
  const header = ['', 'p10', 'median', 'p90', 'n', 'times ours (95 % interval)']
  return [...new Set(measurements.map(({ part }) => part))]
    .map((part) => {
      const rows = measurements.filter((measurement) => measurement.part === part).flatMap(measurementRows)
      return `${TITLES[part] ?? part}\n\n${columns([header, ...rows])}`
    })
    .join('\n\n')
}

/** @param {readonly Verdict[]} verdicts */
function verdictTable(verdicts) {
  return columns([['goal', 'measured', 'verdict'], ...verdicts.map((verdict) => verdictRow(verdict))])
}

/** Returns the README's table of figures. @param {readonly Verdict[]} verdicts */
function figuresMarkdown(verdicts) {
  const rows = FIGURES.map(([id, operation = '', other = '']) => {
    const measured = verdicts.find(({ measurement }) => measurement === id)?.measured
    return [operation, other, measured || 'not measured']
  })
  return markdown([['operation', 'compared with', 'times faster'], ...rows])
}

/** Returns the table of goals in docs/benchmark.md. @param {readonly Verdict[]} verdicts */
function verdictMarkdown(verdicts) {
  return markdown([['goal', 'measured', 'verdict'], ...verdicts.map((verdict) => verdictRow(verdict))])
}

/** @param {string[][]} rows */
function columns(rows) {
  const widths = widthsOf(rows)
  return rows
    .map((row) =>
      row
        .map((cell, i) => pad(cell, widths[i] ?? 0, i))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** @param {Measurement} measurement */
function measurementRows({ label, unit, contestants, ratios, failures }) {
  const rows = Object.entries(contestants).map(([who, { p10, median, p90, n }]) => {
    const ratio = ratios[who]
    // A ratio of exponents, or to zero, is meaningless.
    const isMeaningful = ratio !== undefined && unit !== 'exponent' && Number.isFinite(ratio.value)
    const figures = [decimals(p10), decimals(median), decimals(p90), String(n), isMeaningful ? times(ratio) : '']
    return [`  ${nameOf(who).replaceAll('`', '')}`, ...figures]
  })
  const failed = Object.entries(failures).map(([who, reason]) => [
    `  ${nameOf(who)}`,
    '',
    '',
    '',
    '',
    `failed: ${reason}`,
  ])
  return [[`${label} [${unit}]`, '', '', '', '', ''], ...rows, ...failed]
}

/** @param {string[][]} rows */
function markdown(rows) {
  const widths = widthsOf(rows)
  const line = (/** @type {string[]} */ row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  const [header = [], ...rest] = rows
  return [line(header), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest.map(line)].join('\n')
}

/** @param {Verdict} verdict */
function verdictRow({ text, measured, verdict, close }) {
  return [text, measured, close ? `${verdict}, close` : verdict]
}

/**
 * Aligns numbers to the right and text to the left.
 *
 * @param {string} cell
 * @param {number} width
 * @param {number} column
 */
function pad(cell, width, column) {
  const isNumber = /^-?[\d.,]+$/.test(cell) || /^(median|p10|p90|n)$/.test(cell)
  return isNumber && column > 0 ? cell.padStart(width) : cell.padEnd(width)
}

/** @param {string[][]} rows */
function widthsOf(rows) {
  return (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
}

module.exports = { columns, figuresMarkdown, table, verdictMarkdown, verdictTable }
