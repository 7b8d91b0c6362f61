'use strict'

// The packages of the platforms' binaries, below npm/, from what package.json says.
//
//   node scripts/platform-packages.js          makes them anew: after a change of package.json's targets or version
//   node scripts/platform-packages.js licences copies the licence texts into each, as the release does before it publishes

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
  for (const name of readdirSync(PACKAGES)) describe(path.join(PACKAGES, name), name)
}

/** The texts that must go with a binary. npm packs LICENSE unasked. */
function copyLicences(folder) {
  for (const file of LICENCES) copyFileSync(path.join(root, file), path.join(folder, file))
}

/** What `create-npm-dirs` cannot know: that this is a part of something, and that licence texts go with it. */
function describe(folder, name) {
  const file = path.join(folder, 'package.json')
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  manifest.description = `The ${name} binary of @llxprt/securestore, which installs it.`
  manifest.files.push('THIRD_PARTY_LICENSES.md')
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(
    path.join(folder, 'README.md'),
    `# \`${manifest.name}\`\n\nThe ${name} binary of \`@llxprt/securestore\`, which installs it as an optional dependency. Install that, not this.\n`,
  )
}

module.exports = { copyLicences }

if (require.main === module) {
  main(process.argv[2]).catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
