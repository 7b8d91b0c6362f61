'use strict'

// Reads a Rust crate into a tree of modules, with the declarations, imports and paths of each. Ignores code under
// `#[cfg(test)]`.

const { existsSync, readFileSync } = require('node:fs')
const path = require('node:path')
const { tokenize } = require('./rust-tokens.js')

/**
 * @typedef {import('./rust-tokens.js').Token} Token
 * @typedef {{ path: string[], name: string, isGlob: boolean, line: number }} Use `name` is what the path is imported as
 * @typedef {{ name: string, kind: string, line: number, isConditional: boolean }} Item
 * @typedef {{
 *   path: string[], file: string, parent: Module | null, isConditional: boolean, children: Map<string, Module[]>,
 *   items: Item[], uses: Use[], paths: { path: string[], line: number }[], names: Set<string>,
 * }} Module `isConditional`: the declaration has a `cfg` attribute. `children` has several modules of one name if each is
 * for another platform. `names` are all identifiers in the code of the module
 */

const TYPES = ['struct', 'enum', 'trait', 'union', 'type']
const ITEMS = [...TYPES, 'fn', 'const', 'static']
const NAME = /^[A-Za-z_]\w*$/
/** Tokens after which `impl` starts an implementation. After other tokens it is part of a type. */
const BEFORE_ITEM = [undefined, '}', '{', ';', ']', 'unsafe']

/**
 * Reads the crate whose root file is `src/lib.rs`.
 *
 * @param {string} root the folder of the crate
 * @returns {Module[]} all modules, each parent before its children
 */
function readCrate(root) {
  const modules = []
  const crate = newModule([], 'src/lib.rs', null)
  readFile(root, crate, modules)
  return modules
}

function newModule(modulePath, file, parent) {
  return {
    path: modulePath,
    file,
    parent,
    isConditional: false,
    children: new Map(),
    items: [],
    uses: [],
    paths: [],
    names: new Set(),
  }
}

function readFile(root, module, modules) {
  modules.push(module)
  const tokens = tokenize(readFileSync(path.join(root, module.file), 'utf8'))
  const inFile = [module]
  const declared = scan(tokens, module, inFile)
  modules.push(...inFile.slice(1))
  for (const { name, parent, line, pathAttribute, isConditional } of declared) {
    const file = childFile(root, parent, name, pathAttribute)
    if (file === undefined) throw new Error(`${module.file}:${line}: no file for module '${name}'`)
    readFile(root, addChild(parent, name, file, isConditional), modules)
  }
}

function addChild(parent, name, file, isConditional = false) {
  const child = { ...newModule([...parent.path, name], file, parent), isConditional }
  parent.children.set(name, [...(parent.children.get(name) ?? []), child])
  return child
}

/** Returns the file of a module that is declared with `mod name;`. */
function childFile(root, parent, name, pathAttribute) {
  const { dir, name: stem } = path.posix.parse(parent.file)
  if (pathAttribute) return path.posix.join(dir, pathAttribute)
  const folder = ['lib', 'mod'].includes(stem) ? dir : `${dir}/${stem}`
  // The folder of an inline module is inside that of its file.
  let below = ''
  for (let at = parent; at.parent?.file === parent.file; at = at.parent) below = `${at.path.at(-1)}/${below}`
  return [`${folder}/${below}${name}.rs`, `${folder}/${below}${name}/mod.rs`].find((file) =>
    existsSync(path.join(root, file)),
  )
}

/**
 * Fills a module, and the inline modules in it, from the tokens of its file.
 *
 * @param {Token[]} tokens
 * @param {Module} module
 * @param {Module[]} inFile receives the inline modules
 * @returns {{ name: string, parent: Module, line: number, pathAttribute?: string, isConditional: boolean }[]} the modules
 * with their own files
 */
function scan(tokens, module, inFile) {
  const declared = []
  /** The blocks around the current token, each with its module and whether its items belong to a type. */
  const blocks = [{ module, isAssociated: false }]
  let nextBlock
  let attributes = []
  for (let i = 0; i < tokens.length; i += 1) {
    const { text, line } = tokens[i]
    const block = blocks.at(-1)
    const following = tokens[i + 1]?.text
    if (text === '#' && (following === '[' || (following === '!' && tokens[i + 2]?.text === '['))) {
      const end = closing(tokens, i + (following === '[' ? 1 : 2))
      const attribute = tokens.slice(i, end + 1)
      if (following === '!' && isTest(attribute)) return declared
      if (following === '[') attributes.push(attribute)
      i = end
      continue
    }
    if (attributes.some(isTest)) {
      i = endOfItem(tokens, i)
      attributes = []
      continue
    }
    const isConditional = attributes.some((attribute) => attribute[2]?.text === 'cfg')
    const pathAttribute = attributes.find((attribute) => attribute[2]?.text === 'path')?.[4]?.literal?.slice(1, -1)
    attributes = text === 'pub' ? attributes : []
    if (text === 'pub' && following === '(') i = closing(tokens, i + 1)
    else if (text === '{') {
      blocks.push(nextBlock ?? { ...block, isAssociated: false })
      nextBlock = undefined
    } else if (text === '}') blocks.pop()
    else if (text === ';') nextBlock = undefined
    else if (text === 'mod' && NAME.test(following)) {
      if (tokens[i + 2]?.text === ';') {
        declared.push({ name: following, parent: block.module, line, pathAttribute, isConditional })
      } else {
        const child = addChild(block.module, following, block.module.file, isConditional)
        inFile.push(child)
        nextBlock = { module: child, isAssociated: false }
      }
      i += 1
    } else if (text === 'use' && tokens[i - 1]?.text !== '+' && following !== '<') {
      i = readUse(tokens, i, block.module)
    } else if (text === 'macro_rules' && following === '!') {
      block.module.items.push({ name: tokens[i + 2].text, kind: 'macro', line, isConditional })
      i += 2
    } else if (isItem(tokens, i)) {
      const name = tokens[i + (following === 'mut' ? 2 : 1)].text
      if (!block.isAssociated) block.module.items.push({ name, kind: text, line, isConditional })
      if (text === 'trait') nextBlock = { ...block, isAssociated: true }
      i += 1
    } else if (text === 'impl' && BEFORE_ITEM.includes(tokens[i - 1]?.text)) {
      nextBlock = { ...block, isAssociated: true }
    } else if (NAME.test(text)) i = readPath(tokens, i, block.module)
  }
  return declared
}

function isItem(tokens, i) {
  const [{ text }, name, after] = tokens.slice(i, i + 3)
  if (
    !ITEMS.includes(text) ||
    !NAME.test(name?.text ?? '') ||
    ['fn', 'unsafe', 'async', 'extern'].includes(name.text)
  ) {
    return false
  }
  // `union` is a keyword only at the start of a declaration.
  return text !== 'union' || ['{', '<', 'where'].includes(after?.text)
}

/** Returns whether an attribute limits an item to tests. */
function isTest(attribute) {
  return /^#!?\[cfg\((?:all\()?test\b/.test(attribute.map(({ text }) => text).join(''))
}

/** Returns the index of the last token of the item, field or statement that starts at `i`. */
function endOfItem(tokens, i) {
  const start = tokens[i].text === 'pub' ? i + (tokens[i + 1].text === '(' ? closing(tokens, i + 1) - i + 1 : 1) : i
  const isField = tokens[start + 1]?.text === ':'
  for (let at = start; at < tokens.length; at += 1) {
    const { text } = tokens[at]
    if (text === ';' || (isField && text === ',')) return at
    if (text === '}') return at - 1
    if (['(', '[', '{'].includes(text)) {
      at = closing(tokens, at)
      if (text === '{' && tokens[start].text !== 'use') return at
    }
  }
  return tokens.length
}

/** Returns the index of the bracket that closes the one at `i`. */
function closing(tokens, i) {
  let depth = 0
  for (let at = i; at < tokens.length; at += 1) {
    if (['(', '[', '{'].includes(tokens[at].text)) depth += 1
    if ([')', ']', '}'].includes(tokens[at].text)) depth -= 1
    if (depth === 0) return at
  }
  return tokens.length
}

/** Reads the `use` declaration at `i`. Returns the index of its last token. */
function readUse(tokens, i, module) {
  const { line } = tokens[i]
  let at = i + 1
  // A path that starts with `::` belongs to another crate.
  const isExternal = tokens[at]?.text === '::'
  const add = (use) => {
    if (!isExternal) module.uses.push({ ...use, line })
  }
  const readTree = (prefix) => {
    const segments = [...prefix]
    for (; at < tokens.length; at += 1) {
      const { text } = tokens[at]
      if (text === '::') continue
      if (text === '*') {
        at += 1
        return add({ path: segments, name: '*', isGlob: true })
      }
      if (text === '{') {
        at += 1
        while (tokens[at].text !== '}') {
          readTree(segments)
          if (tokens[at].text === ',') at += 1
        }
        at += 1
        return
      }
      if (text === 'as') {
        add({ path: segments, name: tokens[at + 1].text, isGlob: false })
        at += 2
        return
      }
      if (!NAME.test(text)) break
      if (text !== 'self' || segments.length === 0) segments.push(text)
    }
    add({ path: segments, name: segments.at(-1), isGlob: false })
  }
  readTree([])
  return at
}

/** Reads the name or path at `i`. Returns the index of its last token. */
function readPath(tokens, i, module) {
  module.names.add(tokens[i].text)
  if (tokens[i + 1]?.text !== '::' || ['::', '.'].includes(tokens[i - 1]?.text)) return i
  const segments = [tokens[i].text]
  let at = i
  while (tokens[at + 1]?.text === '::' && NAME.test(tokens[at + 2]?.text ?? '')) {
    at += 2
    segments.push(tokens[at].text)
  }
  if (segments.length > 1) module.paths.push({ path: segments, line: tokens[i].line })
  return at
}

module.exports = { TYPES, readCrate }
