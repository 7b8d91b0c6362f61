'use strict'

// Finds the imports between the files of a Rust crate: the names that one file uses and another one defines.

/**
 * @typedef {import('./rust-modules.js').Module} Module
 * @typedef {{ from: string, to: string, name: string, line: number }} Import the file `to` defines `name`
 * @typedef {{ file: string, name: string } | { module: Module }} Definition
 */

/**
 * Returns the imports between the files of a crate. A name is followed through re-exports to the file that defines it. The
 * declaration `mod child;` and the name of a module are not imports; the names that are used from the module are.
 *
 * @param {Module[]} modules
 * @returns {Import[]}
 */
function importsOf(modules) {
  const crate = modules[0]
  return modules.flatMap((module) => {
    const explicit = [...module.uses.filter(({ isGlob }) => !isGlob), ...module.paths]
    const found = explicit.flatMap(({ path, line }) => imports(module, resolvePath(crate, module, path), line))
    const throughGlobs = module.uses
      .filter(({ isGlob }) => isGlob)
      .flatMap(({ path, line }) =>
        resolvePath(crate, module, path).flatMap((definition) =>
          'module' in definition
            ? [...module.names].flatMap((name) => imports(module, lookUp(crate, definition.module, name), line))
            : imports(module, [definition], line),
        ),
      )
    return [...found, ...throughGlobs]
  })
}

function imports(module, definitions, line) {
  return definitions.flatMap((definition) =>
    'module' in definition || definition.file === module.file
      ? []
      : [{ from: module.file, to: definition.file, name: definition.name, line }],
  )
}

/**
 * Returns the definitions of a path in a module; none if it belongs to another crate.
 *
 * @param {Module} crate
 * @param {Module} module
 * @param {string[]} path
 * @param {Set<string>} [seen] the names that are being looked up
 * @returns {Definition[]}
 */
function resolvePath(crate, module, [first = '', ...rest], seen = new Set()) {
  let definitions = start(crate, module, first, seen)
  for (const name of rest) definitions = definitions.flatMap((definition) => step(crate, definition, name, seen))
  return definitions
}

function start(crate, module, name, seen) {
  if (name === 'crate') return [{ module: crate }]
  if (name === 'self') return [{ module }]
  if (name === 'super') return module.parent ? [{ module: module.parent }] : []
  return lookUp(crate, module, name, seen)
}

function step(crate, definition, name, seen) {
  // The segments after the name of a type belong to the type.
  if (!('module' in definition)) return [definition]
  const { module } = definition
  if (name === 'super') return module.parent ? [{ module: module.parent }] : []
  const found = lookUp(crate, module, name, seen)
  // The name is created by a macro, or re-exported from another crate.
  return found.length > 0 ? found : [{ file: module.file, name }]
}

/**
 * Returns the definitions of a name in a module.
 *
 * @param {Module} crate
 * @param {Module} module
 * @param {string} name
 * @param {Set<string>} [seen]
 * @returns {Definition[]}
 */
function lookUp(crate, module, name, seen = new Set()) {
  const key = `${module.path.join('::')} ${name}`
  if (seen.has(key)) return []
  const inside = new Set(seen).add(key)
  const children = module.children.get(name)
  if (children) return children.map((child) => ({ module: child }))
  if (module.items.some((item) => item.name === name)) return [{ file: module.file, name }]
  const named = module.uses.filter((use) => !use.isGlob && use.name === name)
  if (named.length > 0) return named.flatMap((use) => resolvePath(crate, module, use.path, inside))
  return module.uses
    .filter(({ isGlob }) => isGlob)
    .flatMap(({ path }) => resolvePath(crate, module, path, inside))
    .flatMap((definition) => ('module' in definition ? lookUp(crate, definition.module, name, inside) : []))
}

module.exports = { importsOf }
