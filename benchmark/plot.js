// @ts-check
'use strict'

// Plots the time to list and read all keys against their number, as SVG. The colours have medium brightness and there is no
// background, so that the plot is readable on light and on dark pages.

const { decimals } = require('./goals.js')

/** In pixels. */
const PANEL = { width: 270, height: 260 }
const MARGIN = { top: 80, left: 62, bottom: 52, labels: 150, between: 18 }
const WIDTH = MARGIN.left + 2 * (PANEL.width + MARGIN.labels) + MARGIN.between
const HEIGHT = MARGIN.top + PANEL.height + MARGIN.bottom
/** The height of a label of two lines. */
const LABEL_HEIGHT = 32
const GREY = '#6e7781'
/** The style of each series, which is the same in every panel. Markers and dashes distinguish the series without colours. */
const STYLES = {
  ours: { colour: '#2f81f7', dashes: 'none', marker: '<circle r="4"/>' },
  'ours, fresh': { colour: '#2f81f7', dashes: '5 4', marker: '<rect x="-3.6" y="-3.6" width="7.2" height="7.2"/>' },
  theirs: { colour: '#d1741f', dashes: 'none', marker: '<path d="M0-5.2L5.2 0L0 5.2L-5.2 0Z"/>' },
  'theirs, fast': { colour: '#1f9d8a', dashes: 'none', marker: '<path d="M0-5L4.8 3.6H-4.8Z"/>' },
}

/**
 * A point is a number of keys and a time in milliseconds.
 *
 * @typedef {{ name: string, style: keyof typeof STYLES, detail?: string, points: Array<[number, number]> }} Series
 * @typedef {{ title: string, series: Series[] }} Panel
 */

/**
 * Returns the plot of a run.
 *
 * @param {readonly import('./compare.js').Measurement[]} measurements
 */
function bench(measurements) {
  /** @param {string} prefix @param {string} who @returns {Array<[number, number]>} */
  const points = (prefix, who) =>
    measurements.flatMap(({ id, contestants }) => {
      const count = id.startsWith(prefix) ? Number(id.slice(prefix.length)) : Number.NaN
      const median = contestants[who]?.median
      return Number.isNaN(count) || median === undefined ? [] : [/** @type {[number, number]} */ ([count, median])]
    })
  return plot('Time to list and read all keys', [
    {
      title: 'encrypted files',
      series: [
        { name: 'this addon', style: 'ours', points: points('files-read-all-', 'addon') },
        {
          name: 'this addon',
          style: 'ours, fresh',
          detail: 'fresh process',
          points: points('files-read-all-cold-', 'addon'),
        },
        { name: 'JavaScript store', style: 'theirs', points: points('files-read-all-', 'baseline') },
      ],
    },
    {
      title: 'keyring (Secret Service)',
      series: [
        { name: 'this addon', style: 'ours', points: points('keyring-read-all-', 'addon') },
        {
          name: '@napi-rs/keyring',
          style: 'theirs, fast',
          detail: 'one call',
          points: points('keyring-read-all-', 'napi-keyring-one-call'),
        },
        {
          name: '@napi-rs/keyring',
          style: 'theirs',
          detail: 'one by one',
          points: points('keyring-read-all-', 'napi-keyring'),
        },
      ],
    },
  ])
}

/**
 * Returns panels side by side with the same axes, both logarithmic.
 *
 * @param {string} title
 * @param {readonly Panel[]} panels
 */
function plot(title, panels) {
  const all = panels.flatMap(({ series }) => series.flatMap(({ points }) => points))
  if (all.length === 0) throw new RangeError('No points to plot')
  const counts = [...new Set(all.map(([count]) => count))].sort((a, b) => a - b)
  const decades = {
    from: Math.floor(Math.log10(Math.min(...all.map(([, ms]) => ms)))),
    to: Math.ceil(Math.log10(Math.max(...all.map(([, ms]) => ms)))),
  }
  const widest = Math.log10(counts.at(-1) ?? 1) || 1
  const scale = {
    x: (/** @type {number} */ count) => (Math.log10(count) / widest) * PANEL.width,
    y: (/** @type {number} */ ms) =>
      PANEL.height * (1 - (Math.log10(ms) - decades.from) / Math.max(decades.to - decades.from, 1)),
  }
  const ticks = Array.from({ length: decades.to - decades.from + 1 }, (_, i) => 10 ** (decades.from + i))
  const drawn = panels.map((panel, i) => {
    const left = MARGIN.left + i * (PANEL.width + MARGIN.labels + MARGIN.between)
    return `<g transform="translate(${left} ${MARGIN.top})">\n${drawPanel(panel, counts, ticks, scale, i === 0)}\n</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" font-family="sans-serif" font-size="12" fill="${GREY}">
<title>${markup(title)}</title>
<text x="${MARGIN.left}" y="22" font-size="15" font-weight="bold">${markup(title)}</text>
<text x="${MARGIN.left}" y="40">median of one call; both axes logarithmic; lower is better</text>
${drawn.join('\n')}
</svg>
`
}

/**
 * Returns ascending positions moved so that they are at least `distance` apart and none is beyond `end`.
 *
 * @param {readonly number[]} places
 * @param {number} distance
 * @param {number} end
 */
function apart(places, distance, end) {
  const moved = [...places]
  for (let i = 1; i < moved.length; i += 1) moved[i] = Math.max(moved[i] ?? 0, (moved[i - 1] ?? 0) + distance)
  let limit = end
  for (let i = moved.length - 1; i >= 0; i -= 1) {
    moved[i] = Math.min(moved[i] ?? 0, limit)
    limit = (moved[i] ?? 0) - distance
  }
  return moved
}

/**
 * @param {Panel} panel
 * @param {number[]} counts
 * @param {number[]} ticks
 * @param {{ x: (count: number) => number, y: (ms: number) => number }} scale
 * @param {boolean} named whether the ticks of the vertical axis have labels
 */
function drawPanel({ title, series }, counts, ticks, scale, named) {
  const { width, height } = PANEL
  const grid = [
    ...ticks.map((ms) => `<path d="M0 ${round(scale.y(ms))}H${width}"/>`),
    ...counts.map((count) => `<path d="M${round(scale.x(count))} 0V${height}"/>`),
  ]
  const vertical = named
    ? ticks.map((ms) => `<text x="-8" y="${round(scale.y(ms) + 4)}" text-anchor="end">${duration(ms)}</text>`)
    : []
  const horizontal = counts.map(
    (count) =>
      `<text x="${round(scale.x(count))}" y="${height + 18}" text-anchor="middle">${count.toLocaleString('en')}</text>`,
  )
  const present = series.filter(({ points }) => points.length > 0)
  return [
    `<text y="-8" font-weight="bold">${markup(title)}</text>`,
    `<g stroke="${GREY}" stroke-opacity="0.3" fill="none">${grid.join('')}</g>`,
    `<path d="M0 0V${height}H${width}" stroke="${GREY}" fill="none"/>`,
    ...vertical,
    ...horizontal,
    `<text x="${width / 2}" y="${height + 38}" text-anchor="middle">keys</text>`,
    ...present.map(({ points, style }) => drawLine(points, style, scale)),
    ...drawLabels(present, scale),
  ].join('\n')
}

/**
 * @param {Array<[number, number]>} points
 * @param {keyof typeof STYLES} style
 * @param {{ x: (count: number) => number, y: (ms: number) => number }} scale
 */
function drawLine(points, style, scale) {
  const places = points.map(([count, ms]) => [round(scale.x(count)), round(scale.y(ms))])
  const { colour, dashes, marker } = STYLES[style]
  const line = `<polyline points="${places.map((place) => place.join(',')).join(' ')}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dashes}"/>`
  const markers = places.map(([x, y]) => `<g transform="translate(${x} ${y})" fill="${colour}">${marker}</g>`)
  return [line, ...markers].join('')
}

/**
 * Labels each line at its end with its name and last value. Labels that would overlap are moved apart.
 *
 * @param {Series[]} series
 * @param {{ x: (count: number) => number, y: (ms: number) => number }} scale
 */
function drawLabels(series, scale) {
  const ends = series
    .map((one) => ({ ...one, end: one.points.at(-1) ?? /** @type {[number, number]} */ ([1, 1]) }))
    .sort((a, b) => scale.y(a.end[1]) - scale.y(b.end[1]))
  const places = apart(
    ends.map(({ end }) => scale.y(end[1])),
    LABEL_HEIGHT,
    PANEL.height,
  )
  return ends.map(({ name, detail, end: [, ms], style }, i) => {
    const x = PANEL.width + 12
    const y = round(places[i] ?? 0)
    const second = [detail, duration(ms)].filter(Boolean).join(', ')
    return `<g fill="${STYLES[style].colour}"><text x="${x}" y="${round(y - 2)}" font-weight="bold">${markup(name)}</text><text x="${x}" y="${round(y + 13)}">${markup(second)}</text></g>`
  })
}

/** Returns text such as `0.1 ms` or `20 s`. @param {number} ms */
function duration(ms) {
  const [number, unit] = ms >= 1000 ? [ms / 1000, 's'] : [ms, 'ms']
  return `${decimals(number)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')} ${unit}`
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10
}

/** @param {string} text */
function markup(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

module.exports = { apart, bench, plot }
