'use strict'

// npm run test:keyrings: runs the platform contract on every Secret Service that can be started here, each on a private bus.
//
//   node scripts/keyrings.js [name …]   default: all

const { installPrograms } = require('./lib/programs.js')
const { root, run, which } = require('./lib/run.js')
const { SECRET_SERVICES } = require('./lib/secret-services.js')
const path = require('node:path')

async function main(names) {
  const unknown = names.filter((name) => !SECRET_SERVICES.some((service) => service.name === name))
  if (unknown.length > 0) {
    const known = SECRET_SERVICES.map(({ name }) => name).join(', ')
    throw new Error(`Unknown Secret Service '${unknown[0]}'. Known: ${known}.`)
  }
  const lines = []
  let [tested, failed] = [0, 0]
  for (const service of SECRET_SERVICES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const { result, outcome } = await test(service)
    lines.push(`${service.name}: ${result}`)
    if (outcome !== 'skipped') tested += 1
    if (outcome === 'failed') failed += 1
  }
  console.log(`\n${lines.join('\n')}`)
  console.log(`\n${tested - failed} passed, ${failed} failed`)
  process.exitCode = failed === 0 && tested > 0 ? 0 : 1
}

/** Runs the platform contract on one Secret Service. Skips it if it is not installed and cannot be installed. */
async function test({ name, programs, unpackaged, start }) {
  if (unpackaged && !which(unpackaged.program)) {
    return { outcome: 'skipped', result: `skipped. It needs ${unpackaged.program}: ${unpackaged.install}` }
  }
  try {
    await installPrograms(name, programs)
  } catch (error) {
    return { outcome: 'skipped', result: `skipped. ${error.message}` }
  }
  let running
  try {
    running = await start()
  } catch (error) {
    return { outcome: 'failed', result: `did not start: ${error.message}` }
  }
  try {
    const contract = path.join(root, 'scripts', 'platform-contract.js')
    const env = running.environment()
    const { code, output } = await run(process.execPath, [contract, '--with-keyring'], { env, mayFail: true })
    const counts = /^\d+ passed, \d+ failed$/m.exec(output)?.[0] ?? `exit code ${code}`
    return { outcome: code === 0 ? 'passed' : 'failed', result: counts }
  } finally {
    running.stop()
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
