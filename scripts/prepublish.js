'use strict'

// The prepublishOnly script: refuses to publish a tree that is not a complete release. The release workflow copies the
// binaries into place before it publishes. An `npm publish` in a clone fails here.

const { existsSync, readdirSync, readFileSync } = require('node:fs')
const path = require('node:path')
const { root } = require('./lib/run.js')

/**
 * Returns the reasons not to publish a folder.
 *
 * @param {string} folder
 * @returns {string[]} sentences; empty if the release is complete
 */
function obstacles(folder) {
  const { version, optionalDependencies = {}, repository } = manifest(folder)
  const platforms = readdirSync(path.join(folder, 'npm'))
  const found = platforms.flatMap((platform) => {
    const own = path.join(folder, 'npm', platform)
    const { name, main, files, version: ownVersion } = manifest(own)
    const missing = [...new Set([main, 'LICENSE', ...files])].filter((file) => !existsSync(path.join(own, file)))
    return [
      ...missing.map((file) => `npm/${platform}/${file} is missing.`),
      ...(ownVersion === version ? [] : [`npm/${platform} has version ${ownVersion}, not ${version}.`]),
      ...(optionalDependencies[name] === version ? [] : [`package.json does not depend on ${name} ${version}.`]),
    ]
  })
  if (platforms.length === 0) found.push('npm/ has no platform packages.')
  if (!repository) found.push('package.json has no repository.')
  return found
}

function manifest(folder) {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
}

function main() {
  const found = obstacles(root)
  if (found.length === 0) return
  console.error(`Refusing to publish an incomplete release:\n${found.map((obstacle) => `- ${obstacle}`).join('\n')}`)
  console.error('Push a version tag instead: .github/workflows/release.yml builds every binary and publishes.')
  process.exitCode = 1
}

module.exports = { obstacles }

if (require.main === module) main()
