'use strict'

// npm test: installs missing packages and programs, builds, and runs every check and every test. The last line is the total.

const { checkCounts, contractTests } = require('./lib/contract-tests.js')
const { TEST_PROGRAMS, installPrograms } = require('./lib/programs.js')
const { run } = require('./lib/run.js')
const { build, installPackages } = require('./lib/setup.js')

/** Commands that count as one test each. */
const CHECKS = [
  ['node', 'scripts/structure.js'],
  ['node', 'scripts/traceability.js'],
  ['node', 'scripts/licences.js', '--check'],
  ['node', 'scripts/workflows.js'],
  ['cargo', 'fmt', '--check'],
  ['cargo', 'clippy', '--locked', '--quiet', '--', '-D', 'warnings'],
  ['cargo', 'clippy', '--locked', '--quiet', '--no-default-features', '--all-targets', '--', '-D', 'warnings'],
  ['npx', 'biome', 'ci', '--error-on-warnings'],
  ['npx', 'tsc', '--project', 'tsconfig.json'],
  ['npx', 'tsc', '--project', '__test__/consumers'],
  ['npx', 'typedoc', '--emit', 'none'],
]

async function main() {
  await installPackages()
  await installPrograms('npm test', TEST_PROGRAMS)
  await build()
  const total = { passed: 0, failed: 0 }
  const add = ({ passed, failed }) => {
    total.passed += passed
    total.failed += failed
  }
  for (const [program, ...args] of CHECKS) {
    const { code } = await run(program, args, { mayFail: true })
    add(code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 })
  }
  add(await rustTests())
  add(await contractTests([process.execPath]))
  console.log(`\n${total.passed} passed, ${total.failed} failed`)
  process.exitCode = total.failed === 0 && total.passed > CHECKS.length ? 0 : 1
}

/** Runs the Rust tests, without Node, with cargo-nextest if it is installed, otherwise with cargo test. */
async function rustTests() {
  const { code: nextest } = await run('cargo', ['nextest', '--version'], { mayFail: true })
  const runner = nextest === 0 ? ['nextest', 'run', '--no-fail-fast'] : ['test', '--no-fail-fast']
  const { code, output } = await run('cargo', [...runner, '--locked', '--no-default-features'], { mayFail: true })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the runners colour their output
  const text = output.replace(/\u001b\[[0-9;]*m/g, '')
  const sum = (pattern) => [...text.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0)
  const summary = nextest === 0 ? 'Summary.*?' : 'test result:.*?'
  return checkCounts(code, {
    passed: sum(new RegExp(`${summary}(\\d+) passed`, 'g')),
    failed: sum(new RegExp(`${summary}(\\d+) (?:failed|timed out)`, 'g')),
  })
}

main().catch((error) => {
  console.error(`\n${error.message}`)
  console.log('\n0 passed, 1 failed')
  process.exitCode = 1
})
