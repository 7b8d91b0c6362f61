'use strict'

// Loads the binary for this platform: one that was built here or, if there is none, the one in the platform's package.

/** The platforms that have a package `@llxprt/securestore-<platform>`. They are the `napi.targets` of package.json. */
const PUBLISHED = [
  'darwin-arm64',
  'darwin-x64',
  'freebsd-x64',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'linux-x64-gnu',
  'linux-x64-musl',
  'win32-arm64-msvc',
  'win32-x64-msvc',
]

const BUILD_IT = "build it from source (with Rust installed: 'npm ci' and 'npm run build' in a clone of the repository)"

function loadBinding() {
  const names = candidates()
  const failures = []
  for (const name of names) {
    const requests = [`../securestore.${name}.node`]
    if (PUBLISHED.includes(name)) requests.push(packageOf(name))
    for (const request of requests) {
      try {
        return require(request)
      } catch (error) {
        // If the file is missing, the next candidate is tried. A binary that does not load is reported.
        if (!isMissing(error)) failures.push({ request, error })
      }
    }
  }
  throw explanation(names.filter((name) => PUBLISHED.includes(name)).map(packageOf), failures)
}

/** Returns the names of the binaries that may run here, the most likely first. */
function candidates() {
  const { platform, arch } = process
  switch (platform) {
    case 'linux': {
      // Both C libraries are candidates. npm installs only the package for the right one, and a binary for the other one
      // does not load.
      const abi = arch === 'arm' ? 'eabihf' : ''
      return [`linux-${arch}-gnu${abi}`, `linux-${arch}-musl${abi}`]
    }
    case 'win32':
      return [`win32-${arch}-msvc`, `win32-${arch}-gnu`]
    default:
      return [`${platform}-${arch}`]
  }
}

function packageOf(name) {
  return `@llxprt/securestore-${name}`
}

function isMissing(error) {
  return error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND'
}

/** Returns an error whose message states the problem and the remedy. */
function explanation(packages, failures) {
  const platform = `${process.platform}-${process.arch}`
  if (failures.length > 0) {
    const what = failures.map(({ request, error }) => `${request}: ${firstLine(error)}`).join('; ')
    return new Error(
      `@llxprt/securestore has a binary for ${platform} that cannot be loaded (${what}): ` +
        `install the package again or, if this system is older than the binary is made for, ${BUILD_IT}.`,
      { cause: failures[0].error },
    )
  }
  if (packages.length > 0) {
    return new Error(
      `@llxprt/securestore cannot find its binary for ${platform}, the optional dependency ${packages.join(' or ')}: ` +
        "install again on this platform without '--omit=optional' and without a node_modules folder or lock file from " +
        `another one, or ${BUILD_IT}.`,
    )
  }
  return new Error(`@llxprt/securestore has no binary for ${platform}: ${BUILD_IT}.`)
}

function firstLine(error) {
  return String(error?.message ?? error).split('\n', 1)[0]
}

module.exports = loadBinding()
