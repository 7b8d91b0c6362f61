'use strict'

// Determines whether a directory is in the project that the program was started in. Command-line programs may load the
// `.env` file of a project, so a cloned repository can set environment variables.

const fs = require('node:fs')
const path = require('node:path')

/** The variables that may choose the data directory. */
const ENVIRONMENT_RULES = ['LLXPRT_DATA_HOME', 'LLXPRT_CONFIG_HOME', 'XDG_DATA_HOME']
/** A directory that contains one of these is the top directory of a project. */
const MARKERS = ['.git', '.env', '.llxprt', 'package.json']

/**
 * Returns a warning if an environment variable moved the data directory into the project that the program was started in;
 * otherwise `null`.
 *
 * @param {{ dataDir: string, dataDirRule: string, env: NodeJS.ProcessEnv, cwd: string, home: string }} options
 * @returns {{ message: string, remediation: string } | null}
 */
function dataDirectoryInProject({ dataDir, dataDirRule, env, cwd, home }) {
  const variable = dataDirRule === 'platform' && env.XDG_DATA_HOME ? 'XDG_DATA_HOME' : dataDirRule
  if (!ENVIRONMENT_RULES.includes(variable)) return null
  const project = projectOf(dataDir, { cwd, home })
  if (project === null) return null
  return {
    message: `${variable} points into the project ${project}, to ${dataDir}`,
    remediation: `Unset ${variable}, or set it to a directory outside the project`,
  }
}

module.exports = { dataDirectoryInProject }

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
    return fs.realpathSync.native(directory)
  } catch {
    const parent = path.dirname(directory)
    return parent === directory ? directory : path.join(real(parent), path.basename(directory))
  }
}

function contains(directory, other) {
  const relative = path.relative(directory, other)
  return relative === '' || !(relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative))
}
