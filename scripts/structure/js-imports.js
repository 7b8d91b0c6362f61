'use strict'

// Finds the imports between JavaScript files.

const { existsSync, readFileSync, statSync } = require('node:fs')
const path = require('node:path')

const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g
const LOAD = /\b(?:require\(|import\(|from|import)\s*(['"])(\.[^'"\n]*)\1/g

/**
 * Returns the imports between files, including those inside functions. Computed paths are not recognized.
 *
 * @param {string} root
 * @param {string[]} files below `root`
 * @returns {import('./rust-imports.js').Import[]}
 */
function importsOf(root, files) {
  return files.flatMap((from) => {
    const source = readFileSync(path.join(root, from), 'utf8')
    const code = source.replace(COMMENT, (comment) => comment.replace(/[^\n]/g, ' '))
    return [...code.matchAll(LOAD)].flatMap((match) => {
      const to = resolve(root, path.posix.join(path.posix.dirname(from), match[2]))
      const line = code.slice(0, match.index).split('\n').length
      return to === undefined ? [] : [{ from, to, name: match[2], line }]
    })
  })
}

function resolve(root, file) {
  const candidates = [file, `${file}.js`, `${file}.cjs`, `${file}.ts`, path.posix.join(file, 'index.js')]
  return candidates.find((name) => existsSync(path.join(root, name)) && statSync(path.join(root, name)).isFile())
}

module.exports = { importsOf }
