'use strict'

// Maintains THIRD_PARTY_LICENSES.md: the crates that are compiled into the binaries, and their licences.
//
//   node scripts/licences.js          writes the file; run it after a change of Cargo.lock
//   node scripts/licences.js --check  fails when the file is out of date

const { execFileSync } = require('node:child_process')
const { existsSync, readdirSync, readFileSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { root } = require('./lib/run.js')

const FILE = path.join(root, 'THIRD_PARTY_LICENSES.md')
const LICENCE_FILE = /^(licen[cs]e|copying|notice|unlicense|copyright)/i

function main(task) {
  const metadata = metadataOfAllTargets()
  const crates = unique(metadata.flatMap(compiledIn))
  const refused = unique(metadata.flatMap(({ packages }) => packages)).filter(({ license }) => !isAllowed(license))
  for (const { name, license } of refused) console.error(`${name}: deny.toml does not allow ${license}`)
  if (refused.length > 0) process.exitCode = 1
  const text = print(crates)
  if (task !== '--check') {
    writeFileSync(FILE, text)
    console.log(`${crates.length} crates in ${path.basename(FILE)}`)
  } else if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== text) {
    console.error(`${path.basename(FILE)} is out of date. Run: node scripts/licences.js`)
    process.exitCode = 1
  } else console.log(`${path.basename(FILE)} is up to date: ${crates.length} crates`)
}

/** Returns cargo's metadata for each platform that has a package. */
function metadataOfAllTargets() {
  const { targets } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).napi
  return targets.map((target) => {
    const args = ['metadata', '--locked', '--format-version', '1', '--filter-platform', target]
    return JSON.parse(execFileSync('cargo', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 }))
  })
}

/** Returns the crates that are compiled into a binary, without those for build scripts and tests. */
function compiledIn({ packages, resolve }) {
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]))
  const seen = new Set()
  const visit = (id) => {
    if (seen.has(id)) return
    seen.add(id)
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) if (kinds.some(({ kind }) => kind === null)) visit(pkg)
  }
  visit(resolve.root)
  // Packages of this workspace have no source.
  return packages.filter(({ id, source }) => seen.has(id) && source !== null)
}

/** Returns each crate once, sorted by name and version. */
function unique(crates) {
  const all = [...new Map(crates.map((crate) => [crate.id, crate])).values()]
  return all.sort((a, b) => order(`${a.name} ${a.version}`, `${b.name} ${b.version}`))
}

/** Returns whether deny.toml allows a licence expression: both sides of `AND`, at least one side of `OR`. */
function isAllowed(expression) {
  const list = /^allow = \[(.*)\]$/m.exec(readFileSync(path.join(root, 'deny.toml'), 'utf8'))?.[1] ?? ''
  const allowed = [...list.matchAll(/"(.+?)"/g)].map(([, name]) => name)
  const inner = /\(([^()]*)\)/.exec(expression)
  if (inner) return isAllowed(expression.replace(inner[0], isAllowed(inner[1]) ? allowed[0] : 'refused'))
  return expression
    .split(/ OR |\//)
    .some((choice) => choice.split(' AND ').every((licence) => allowed.includes(licence.trim())))
}

function print(crates) {
  /** The distinct licence texts, ignoring line breaks: the number of each, and the crates that use it. */
  const texts = new Map()
  const rows = crates.map((crate) => {
    const numbers = textsOf(crate).map((text) => {
      const key = text.replace(/\s+/g, ' ').trim()
      const entry = texts.get(key) ?? { number: texts.size + 1, text, users: [] }
      texts.set(key, entry)
      entry.users.push(crate.name)
      return entry.number
    })
    const links = [...new Set(numbers)].sort((a, b) => a - b).map((number) => `[${number}](#text-${number})`)
    return `| ${crate.name} | ${crate.version} | ${crate.license} | ${links.join(' ')} |`
  })
  const blocks = [...texts.values()].map(({ number, text, users }) => {
    return `## Text ${number}\n\nOf ${[...new Set(users)].join(', ')}:\n\n${quote(text)}\n`
  })
  return `# Third-party licences

The binaries of \`@llxprt/securestore\` are compiled from the crates below, of which each platform needs a part, and from Rust's
standard library (MIT OR Apache-2.0, with the same texts as the crate libc). \`scripts/licences.js\` writes this file from Cargo.lock.

| crate | version | licence | texts |
| --- | --- | --- | --- |
${rows.join('\n')}

${blocks.join('\n')}`
}

/** Returns the licence texts in a crate. For a crate without one, returns the MIT text with its authors' names. */
function textsOf({ name, license, authors, manifest_path: manifest }) {
  const folder = path.dirname(manifest)
  const files = readdirSync(folder).filter((file) => LICENCE_FILE.test(file))
  if (files.length > 0) return files.sort(order).map((file) => readFileSync(path.join(folder, file), 'utf8'))
  if (license !== 'MIT') throw new Error(`The crate ${name} (${license}) contains no licence text`)
  return [mit(authors.length > 0 ? authors.join(', ') : `the authors of ${name}`)]
}

function quote(text) {
  const lines = text.trim().split(/\r?\n/)
  return `\`\`\`text\n${lines.map((line) => line.trimEnd()).join('\n')}\n\`\`\``
}

/** Compares independently of the locale, so that the result is the same on every machine. */
function order(a, b) {
  return a < b ? -1 : Number(a > b)
}

function mit(holders) {
  return `MIT License

Copyright (c) ${holders}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`
}

main(process.argv[2])
