'use strict'

// Maintains the platform packages in npm/, one for the binary of each platform.
//
//   node scripts/platform-packages.js           writes them from package.json; run it after a change of targets, version or author
//   node scripts/platform-packages.js licences  copies the licence texts into each; the release workflow runs it

const { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { root, run } = require('./lib/run.js')

const PACKAGES = path.join(root, 'npm')
const LICENCES = ['LICENSE', 'THIRD_PARTY_LICENSES.md']

async function main(task) {
  if (task === 'licences') {
    for (const name of readdirSync(PACKAGES)) copyLicences(path.join(PACKAGES, name))
    return
  }
  rmSync(PACKAGES, { recursive: true, force: true })
  await run('npx', ['napi', 'create-npm-dirs'])
  for (const name of readdirSync(PACKAGES)) complete(path.join(PACKAGES, name), name)
}

/** Copies the texts that must accompany a binary. npm always packs LICENSE. */
function copyLicences(folder) {
  for (const file of LICENCES) copyFileSync(path.join(root, file), path.join(folder, file))
}

/** Adds what `create-npm-dirs` leaves out: the description, the README and the licence file in `files`. */
function complete(folder, name) {
  const file = path.join(folder, 'package.json')
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  manifest.description = `The ${name} binary of @llxprt/securestore.`
  manifest.files.push('THIRD_PARTY_LICENSES.md')
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(
    path.join(folder, 'README.md'),
    `# \`${manifest.name}\`\n\nThe ${name} binary of \`@llxprt/securestore\`. Install that package; it depends on this one.\n`,
  )
}

module.exports = { copyLicences }

if (require.main === module) {
  main(process.argv[2]).catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
