'use strict'

// Determines whether a directory is in the project that the program was started in. Command-line programs may load the
// `.env` file of a project, so a cloned repository can set environment variables.

const fs = require('node:fs')
const path = require('node:path')

/** A directory that contains one of these is the top directory of a project. */
const MARKERS = ['.git', '.env', '.llxprt', 'package.json']

/**
 * Returns the project that contains a directory; `null` if the directory is outside.
 *
 * The project is the outermost directory at or above `cwd` that has a marker or, if none has one, `cwd`. The home directory
 * and the directories above it are not projects.
 *
 * @param {string} directory
 * @param {{ cwd: string, home: string }} where
 */
function projectOf(directory, { cwd, home }) {
  const [inside, start, homeDirectory] = [directory, cwd, home].map(real)
  const isProject = (candidate) => !contains(candidate, homeDirectory)
  if (!isProject(start)) return null
  let project = start
  for (let candidate = start; isProject(candidate); candidate = path.dirname(candidate)) {
    if (MARKERS.some((marker) => fs.existsSync(path.join(candidate, marker)))) project = candidate
  }
  return contains(project, inside) ? project : null
}

/** Resolves symbolic links. If the directory does not exist, resolves the part of its path that does. */
function real(directory) {
  try {
    return fs.realpathSync(directory)
  } catch {
    const parent = path.dirname(directory)
    return parent === directory ? directory : path.join(real(parent), path.basename(directory))
  }
}

function contains(directory, other) {
  const relative = path.relative(directory, other)
  return relative === '' || !(relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative))
}

module.exports = { projectOf }
