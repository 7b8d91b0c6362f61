'use strict'

// npm test: installs what is missing, builds, and runs every check and every test. Its last line counts them all.

const { build, installPackages, installTestPrograms } = require('./lib/setup.js')
const { contractTests, settle } = require('./lib/contract-tests.js')
const { run } = require('./lib/run.js')

/** Each is one thing that holds or does not. */
const CHECKS = [
  ['node', 'scripts/traceability.js'],
  ['node', 'scripts/licences.js', '--check'],
  ['node', 'scripts/workflows.js'],
  ['cargo', 'fmt', '--check'],
  ['cargo', 'clippy', '--locked', '--quiet', '--', '-D', 'warnings'],
  ['cargo', 'clippy', '--locked', '--quiet', '--no-default-features', '--all-targets', '--', '-D', 'warnings'],
  ['npx', 'biome', 'ci', '--error-on-warnings'],
  ['npx', 'tsc', '--project', 'tsconfig.json'],
  ['npx', 'tsc', '--project', '__test__/consumers'],
]

async function main() {
  await installPackages()
  await installTestPrograms()
  await build()
  const total = { passed: 0, failed: 0 }
  const count = ({ passed, failed }) => {
    total.passed += passed
    total.failed += failed
  }
  for (const [program, ...args] of CHECKS) {
    const { code } = await run(program, args, { mayFail: true })
    count(code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 })
  }
  count(await rustTests())
  count(await contractTests([process.execPath]))
  console.log(`\n${total.passed} passed, ${total.failed} failed`)
  process.exitCode = total.failed === 0 && total.passed > CHECKS.length ? 0 : 1
}

/** The core without Node, by cargo-nextest where it is installed, else by what comes with Rust. */
async function rustTests() {
  const { code: nextest } = await run('cargo', ['nextest', '--version'], { mayFail: true })
  const runner = nextest === 0 ? ['nextest', 'run', '--no-fail-fast'] : ['test', '--no-fail-fast']
  const { code, output } = await run('cargo', [...runner, '--locked', '--no-default-features'], { mayFail: true })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the runners colour what they print
  const text = output.replace(/\u001b\[[0-9;]*m/g, '')
  const sum = (pattern) => [...text.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0)
  const summary = nextest === 0 ? 'Summary.*?' : 'test result:.*?'
  return settle(code, {
    passed: sum(new RegExp(`${summary}(\\d+) passed`, 'g')),
    failed: sum(new RegExp(`${summary}(\\d+) (?:failed|timed out)`, 'g')),
  })
}

main().catch((error) => {
  console.error(`\n${error.message}`)
  console.log('\n0 passed, 1 failed')
  process.exitCode = 1
})
