'use strict'

// Checks how the source files are organised:
//
//   node scripts/structure.js [folder]
//
// - There is no import cycle between files, in Rust and in JavaScript. Test code is not checked.
// - A Rust module imports only modules that come before it in the list at the top of src/lib.rs.
// - A module with children is `name.rs` next to the folder `name`, not `name/mod.rs`.
// - No type name is declared twice in the crate.
// - No source file has more than 400 lines, except index.d.ts.

const { existsSync, readdirSync, readFileSync } = require('node:fs')
const path = require('node:path')
const { findCycles } = require('./structure/cycles.js')
const javascript = require('./structure/js-imports.js')
const rust = require('./structure/rust-imports.js')
const { TYPES, readCrate } = require('./structure/rust-modules.js')

const MAX_LINES = 400
const RUST = ['src', 'crates', 'tests', 'fuzz/fuzz_targets']
const FOLDERS = [...RUST, 'lib', 'bin', 'benchmark', 'scripts', 'examples', '__test__']
const LOADED = ['lib/', 'bin/', 'benchmark/', 'scripts/', 'examples/']
const SOURCE = /\.(?:rs|[cm]?[jt]s)$/

function main([folder = path.join(__dirname, '..')]) {
  const { files, imports, violations } = inspect(folder)
  for (const violation of violations) console.error(violation)
  console.log(`${files} source files, ${imports} imports between them, ${violations.length} violations`)
  process.exitCode = violations.length === 0 && imports > 0 ? 0 : 1
}

/**
 * Returns the violations of the rules, as sentences.
 *
 * @param {string} root the folder of the project
 * @returns {{ files: number, imports: number, violations: string[] }}
 */
function inspect(root) {
  const files = sourceFiles(root)
  const modules = readCrate(root)
  const rustImports = rust.importsOf(modules)
  const isLoaded = (file) => !file.includes('/') || LOADED.some((folder) => file.startsWith(folder))
  const scripts = files.filter((file) => /\.[cm]?js$/.test(file) && isLoaded(file))
  const jsImports = javascript.importsOf(root, scripts)
  const violations = [
    ...cycles(rustImports),
    ...cycles(jsImports),
    ...orderViolations(root, modules, rustImports),
    ...moduleFiles(modules),
    ...repeatedTypes(modules),
    ...longFiles(root, files),
  ]
  return { files: files.length, imports: rustImports.length + jsImports.length, violations }
}

function cycles(imports) {
  return findCycles(imports).map(({ cycle, group }) => {
    const links = cycle.slice(1).map((to, i) => {
      const names = imports.filter((one) => one.from === cycle[i] && one.to === to).map(({ name }) => name)
      return `${to} (${[...new Set(names)].join(', ')})`
    })
    const others = group.filter((file) => !cycle.includes(file))
    const more = others.length > 0 ? `. In further cycles with them: ${others.join(', ')}` : ''
    return `Import cycle: ${cycle[0]} uses ${links.join(', which uses ')}${more}`
  })
}

/** Returns the imports of modules that src/lib.rs does not list before the importing one. */
function orderViolations(root, modules, imports) {
  const source = readFileSync(path.join(root, 'src/lib.rs'), 'utf8')
  const order = [...source.matchAll(/^\/\/! - \[?`(\w+)`/gm)].map(([, name]) => name)
  const unlisted = [...modules[0].children.keys()].filter((name) => !order.includes(name))
  const moduleOf = new Map(modules.map(({ file, path: [name = ''] }) => [file, name]))
  const wrong = imports.filter(({ from, to }) => {
    const [importer, imported] = [moduleOf.get(from), moduleOf.get(to)]
    return importer && imported && importer !== imported && order.indexOf(imported) > order.indexOf(importer)
  })
  return [
    ...unlisted.map((name) => `src/lib.rs does not list the module ${name}`),
    ...wrong.map(({ from, to, name, line }) => {
      return `${from}:${line} imports ${name} of ${to}, but src/lib.rs lists ${moduleOf.get(to)} after ${moduleOf.get(from)}`
    }),
  ]
}

function moduleFiles(modules) {
  return modules
    .filter(({ file }) => path.posix.basename(file) === 'mod.rs')
    .filter(({ parent, file }) => parent?.file !== file)
    .map(({ file }) => `${file} should be ${path.posix.dirname(file)}.rs`)
}

/**
 * Returns the type names that are declared more than once. Alternatives under `cfg` in a module or its children count once.
 */
function repeatedTypes(modules) {
  /** @type {Map<string, Map<string, string>>} the locations of each name, by declaring module */
  const declared = new Map()
  for (const module of modules) {
    for (const { name, line, isConditional } of module.items.filter(({ kind }) => TYPES.includes(kind))) {
      const places = declared.get(name) ?? new Map()
      const isAlternative = isConditional || module.isConditional
      const owner = !isConditional && module.isConditional ? module.parent : module
      const place = [...owner.path, ...(isAlternative ? ['cfg'] : [])].join('::')
      declared.set(name, places.set(place, `${module.file}:${line}`))
    }
  }
  return [...declared]
    .filter(([, places]) => places.size > 1)
    .map(([name, places]) => `The type name ${name} is declared more than once: ${[...places.values()].join(', ')}`)
}

function longFiles(root, files) {
  return files.flatMap((file) => {
    const lines = readFileSync(path.join(root, file), 'utf8').split('\n').length - 1
    return lines > MAX_LINES && file !== 'index.d.ts' ? [`${file} has ${lines} lines; ${MAX_LINES} is the limit`] : []
  })
}

function sourceFiles(root) {
  const inRoot = readdirSync(root).filter((name) => SOURCE.test(name))
  const below = FOLDERS.filter((folder) => existsSync(path.join(root, folder))).flatMap((folder) => {
    const names = readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    return names.filter((name) => SOURCE.test(name)).map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
  })
  return [...inRoot, ...below].sort()
}

module.exports = { inspect }

if (require.main === module) main(process.argv.slice(2))
