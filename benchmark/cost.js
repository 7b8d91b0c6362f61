// @ts-check
'use strict'

// The costs of having the addon: its size, its installation, and an idle process.

const { execFileSync } = require('node:child_process')
const {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} = require('node:fs')
const path = require('node:path')
const { root, which } = require('../scripts/lib/run.js')
const { compare, summarize, timed } = require('./compare.js')
const { inFreshProcesses } = require('./fresh.js')
const { inputOf } = require('./process.js')

const part = 'cost'

/**
 * @typedef {import('./compare.js').Measurement} Measurement
 * @typedef {{ files: string[], size: number }} Packed archives, and their size in bytes
 */

/**
 * @param {import('./files.js').Context} context
 * @returns {AsyncGenerator<Measurement>}
 */
async function* measureCost(context) {
  const binaries = new Map([
    ['addon', addonBinary()],
    ['napi-keyring', keyringBinary()],
  ])
  const sizes = new Map([...binaries].map(([who, file]) => [who, [[statSync(file).size / 1e6]]]))
  yield summarize({ id: 'binary', part, label: 'size of the binary', unit: 'MB', samples: sizes })
  yield* idle(context)
  const folder = mkdtempSync(path.join(context.dir, 'securestore-packages-'))
  try {
    yield* packages(folder, context.quick)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {string} trace the output of strace -f */
function callsBetweenMarks(trace) {
  const lines = trace.split('\n')
  const begin = lines.findIndex((line) => line.includes('"idle-begin"'))
  const end = lines.findIndex((line) => line.includes('"idle-end"'))
  if (begin < 0 || end < begin) throw new Error('The marks are not in the trace')
  // A call that was interrupted by output of another thread takes two lines. The second one contains `resumed` and is not
  // counted.
  return lines.slice(begin + 1, end).filter((line) => /^\d+ +\w+\(/.test(line)).length
}

/** @param {import('./files.js').Context} context @returns {AsyncGenerator<Measurement>} */
async function* idle({ fixtures, quick, dir }) {
  const input = await inputOf(await fixtures.files(50))
  const rounds = quick ? 2 : 5
  yield compare({
    id: 'idle-cpu',
    part,
    label: 'CPU time of a process that is idle for 2 s after it read 50 keys',
    contestants: inFreshProcesses('idle', ['addon', 'idle'], input),
    rounds,
    warmup: 0,
  })
  if (!which('strace')) return
  const trace = path.join(dir, `securestore-trace-${process.pid}`)
  /** @param {string} who */
  const contestant = (who) => () => systemCalls(trace, { ...input, who })
  try {
    yield await compare({
      id: 'idle-system-calls',
      part,
      label: 'system calls of such a process, of all its threads',
      unit: 'calls',
      contestants: { addon: contestant('addon'), idle: contestant('idle') },
      rounds: Math.min(rounds, 3),
      warmup: 0,
    })
  } finally {
    rmSync(trace, { force: true })
  }
}

/**
 * Returns the number of system calls between the two marks of an idle task.
 *
 * @param {string} trace the file for strace's output
 * @param {object} input
 */
function systemCalls(trace, input) {
  const task = [path.join(__dirname, 'task.js'), 'idle', JSON.stringify(input)]
  execFileSync('strace', ['-f', '-o', trace, process.execPath, ...task], { stdio: ['ignore', 'ignore', 'ignore'] })
  return callsBetweenMarks(readFileSync(trace, 'utf8'))
}

/** @param {string} folder @param {boolean} quick @returns {AsyncGenerator<Measurement>} */
async function* packages(folder, quick) {
  const packed = new Map([
    ['addon', pack(folder, [root, platformPackage(folder)])],
    ['napi-keyring', pack(folder, keyringPackages())],
  ])
  const sizes = new Map([...packed].map(([who, { size }]) => [who, [[size / 1e6]]]))
  yield summarize({ id: 'package', part, label: 'download of the package and its binary', unit: 'MB', samples: sizes })
  const contestants = [...packed].map(([who, { files }]) => [who, () => timed(() => install(folder, files))])
  yield compare({
    id: 'install',
    part,
    label: 'npm install from archives, offline',
    contestants: Object.fromEntries(contestants),
    rounds: quick ? 2 : 5,
  })
}

/** @param {string} folder @param {string[]} sources @returns {Packed} */
function pack(folder, sources) {
  const packed = sources.map((source) => {
    const args = ['pack', source, '--json', '--silent', '--pack-destination', folder]
    const output = JSON.parse(execFileSync('npm', args, { cwd: folder, encoding: 'utf8', env: withoutNpmSettings() }))
    return /** @type {{ filename: string, size: number }} */ (Object.values(output)[0])
  })
  return {
    files: packed.map(({ filename }) => path.join(folder, path.basename(filename))),
    size: packed.reduce((sum, { size }) => sum + size, 0),
  }
}

/** Creates the package of this platform in the same way as the release. @param {string} folder */
function platformPackage(folder) {
  const binary = addonBinary()
  const platform = path.basename(binary).split('.')[1] ?? ''
  const target = path.join(folder, platform)
  mkdirSync(target)
  const npm = path.join(root, 'npm', platform)
  for (const file of ['package.json', 'README.md']) copyFileSync(path.join(npm, file), path.join(target, file))
  for (const file of ['LICENSE', 'THIRD_PARTY_LICENSES.md'])
    copyFileSync(path.join(root, file), path.join(target, file))
  copyFileSync(binary, path.join(target, path.basename(binary)))
  return target
}

function keyringPackages() {
  const binary = keyringBinary()
  return [path.dirname(require.resolve('@napi-rs/keyring/package.json')), path.dirname(binary)]
}

/** Installs archives into a new project. @param {string} folder @param {string[]} files */
function install(folder, files) {
  const project = mkdtempSync(path.join(folder, 'project-'))
  writeFileSync(path.join(project, 'package.json'), JSON.stringify({ private: true }))
  const args = ['install', '--offline', '--no-audit', '--no-fund', '--loglevel=error', ...files]
  execFileSync('npm', args, { cwd: project, stdio: ['ignore', 'ignore', 'inherit'], env: withoutNpmSettings() })
  if (!existsSync(path.join(project, 'node_modules'))) throw new Error('npm installed nothing')
}

/** Returns the environment without the variables of `npm run`, which would apply to this project. */
function withoutNpmSettings() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')))
}

/** Returns the binary that index.js loads. */
function addonBinary() {
  require('../index.js')
  return loadedBinary(root)
}

function keyringBinary() {
  require('@napi-rs/keyring')
  return loadedBinary(path.join(path.dirname(require.resolve('@napi-rs/keyring/package.json')), '..'))
}

/** @param {string} folder */
function loadedBinary(folder) {
  const file = Object.keys(require.cache).find(
    (file) => file.endsWith('.node') && path.relative(folder, file).split(path.sep).length <= 2,
  )
  if (file === undefined) throw new Error('No binary is loaded')
  return file
}

module.exports = { callsBetweenMarks, measureCost }
