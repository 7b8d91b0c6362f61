'use strict'

// Whether a directory lies in the project that a program was started in. Programs of this kind load the `.env` file of a
// project, so a cloned repository can set environment variables.

const fs = require('node:fs')
const path = require('node:path')

/** What marks the top directory of a project. */
const MARKERS = ['.git', '.env', '.llxprt', 'package.json']

/**
 * Returns the project that holds a directory; `null` where it lies outside.
 *
 * The project is the outermost directory above `cwd` that has a marker, else `cwd`. The home directory and what is above it
 * is no project.
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

/** Resolves links; a directory that does not exist is resolved as far as it does. */
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
