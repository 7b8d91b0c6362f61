'use strict'

// Finds the binary for this platform: one that was built here, else the platform's own package.

/** The names of the binaries that may run here, the likelier first. */
function candidates() {
  const { platform, arch } = process
  switch (platform) {
    case 'linux':
      // Which C library this is need not be found out: npm installs the package of the right one alone, and the
      // binary of the other does not load.
      return [`linux-${arch}-gnu`, `linux-${arch}-musl`]
    case 'win32':
      return [`win32-${arch}-msvc`, `win32-${arch}-gnu`]
    default:
      return [`${platform}-${arch}`]
  }
}

function loadBinding() {
  const failures = []
  for (const name of candidates()) {
    for (const file of [`./securestore.${name}.node`, `@llxprt/securestore-${name}`]) {
      try {
        return require(file)
      } catch (error) {
        // Not there is what the next candidate is for; there and broken is worth telling.
        if (error?.code !== 'MODULE_NOT_FOUND') failures.push(`${file}: ${firstLine(error)}`)
      }
    }
  }
  const platform = `${process.platform}-${process.arch}`
  throw new Error(
    failures.length > 0
      ? `@llxprt/securestore cannot load its binary for ${platform} (${failures.join('; ')}).`
      : `@llxprt/securestore has no binary for ${platform}; with Rust installed, 'npm run build' in the package's source makes one.`,
  )
}

function firstLine(error) {
  return String(error?.message ?? error).split('\n', 1)[0]
}

module.exports = loadBinding()
