// @ts-check
'use strict'

// The command line of `npm run bench --`.

const os = require('node:os')
const { parseArgs } = require('node:util')

const PARTS = /** @type {const} */ (['files', 'keyring', 'process', 'concurrency', 'scaling', 'cost'])

const HELP = `npm run bench -- [options]

Compares this addon with a JavaScript store that works like the TypeScript store it replaces, with @napi-rs/keyring, and with the
floor: the fastest that the file system, the bus or Node.js allow. Measures all of them alternately in one run.

  --quick           a few minutes: fewer rounds, and the slow baselines of the largest stores left out
  --only <part>     ${PARTS.join(', ')}; may be given several times
  --against <rev>   build this tree and a git revision, measure both alternately, and report what is worse; exit code 1 if
                    anything is. Can be combined only with --quick, --dir and --no-build (of this tree)
  --json            print JSON to standard output, and everything else to standard error
  --check           exit with code 1 if a goal is missed or was not measured
  --readme          update the figures in README.md and docs/benchmark.md
  --dir <folder>    the folder for the stores and the keyring; default: the system's temporary directory
  --no-build        measure the existing binary
  --help            show this text

A complete run (without --quick, --only and --against) writes benchmark/results.json and docs/bench.svg.`

/**
 * @typedef {{
 *   quick: boolean, parts: string[], against: string | undefined, json: boolean, check: boolean, readme: boolean,
 *   dir: string, build: boolean, help: boolean,
 * }} Options
 */

/**
 * Parses the command line.
 *
 * @param {string[]} args
 * @returns {Options} throws a `TypeError` with a message for the user if the arguments are invalid
 */
function parse(args) {
  const { values } = parseArgs({
    args,
    strict: true,
    allowPositionals: false,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      against: { type: 'string' },
      json: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      readme: { type: 'boolean', default: false },
      dir: { type: 'string', default: os.tmpdir() },
      'no-build': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { quick, only, against, json, check, readme, dir, help } = values
  const unknown = only.find((part) => !PARTS.some((known) => known === part))
  if (unknown !== undefined) throw new TypeError(`Unknown part '${unknown}'. Known: ${PARTS.join(', ')}`)
  if (readme && (quick || only.length > 0))
    throw new TypeError('--readme requires a complete run: omit --quick and --only')
  if (against !== undefined && (only.length > 0 || json || check || readme)) {
    throw new TypeError('--against can be combined only with --quick, --dir and --no-build')
  }
  return {
    quick,
    parts: only.length > 0 ? only : [...PARTS],
    against,
    json,
    check,
    readme,
    dir,
    build: !values['no-build'],
    help,
  }
}

module.exports = { HELP, PARTS, parse }
