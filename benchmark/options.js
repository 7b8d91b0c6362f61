// @ts-check
'use strict'

// What may be typed after `npm run bench --`.

const os = require('node:os')
const { parseArgs } = require('node:util')

const PARTS = /** @type {const} */ (['files', 'keyring', 'process'])

const HELP = `npm run bench -- [options]

Measures this addon side by side with a JavaScript store that does what it replaces, and with @napi-rs/keyring.

  --quick         about a minute: fewer rounds, and the slow ones of the largest stores left out
  --only <part>   files, keyring or process (what takes fresh processes); may be given several times
  --json          print JSON to standard output, and everything else to standard error
  --check         exit with 1 when a goal is missed or was not measured
  --readme        update the figures in README.md and docs/benchmark.md
  --dir <folder>  where the stores and the keyring are made; default: the system's temporary directory
  --no-build      measure the binary that is there
  --help          this text

A complete run (without --quick and --only) writes benchmark/results.json and docs/bench.svg.`

/**
 * @typedef {{
 *   quick: boolean, parts: string[], json: boolean, check: boolean, readme: boolean, dir: string, build: boolean, help: boolean,
 * }} Options
 */

/**
 * @param {string[]} args
 * @returns {Options} throws, with a message to show, for anything that is no option
 */
function parse(args) {
  const { values } = parseArgs({
    args,
    strict: true,
    allowPositionals: false,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      readme: { type: 'boolean', default: false },
      dir: { type: 'string', default: os.tmpdir() },
      'no-build': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const unknown = values.only.find((part) => !PARTS.some((known) => known === part))
  if (unknown !== undefined) throw new TypeError(`--only takes ${PARTS.join(', ')}, not '${unknown}'`)
  const { quick, only, json, check, readme, dir, help } = values
  if (readme && (quick || only.length > 0)) throw new TypeError('--readme takes a complete run')
  return {
    quick,
    parts: only.length > 0 ? only : [...PARTS],
    json,
    check,
    readme,
    dir,
    build: !values['no-build'],
    help,
  }
}

module.exports = { HELP, PARTS, parse }
