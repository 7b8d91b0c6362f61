'use strict'

// Splits Rust source text into tokens, without comments.

/**
 * A token. A literal has the text `""`, so that its content is never taken for a name; `literal` is its source text.
 *
 * @typedef {{ text: string, line: number, literal?: string }} Token
 */

const PATTERNS = [
  ['space', /\s+/y],
  ['comment', /\/\/[^\n]*/y],
  ['literal', /[bc]?r(#*)"[\s\S]*?"\1/y],
  ['literal', /[bc]?"(?:[^"\\]|\\[\s\S])*"/y],
  ['literal', /b?'(?:[^'\\\n]|\\(?:u\{[^}]*\}|x[0-9a-fA-F]{2}|.))'/y],
  ['lifetime', /'[A-Za-z_]\w*/y],
  ['name', /(?:r#)?[A-Za-z_]\w*/y],
  ['number', /\d[\w.]*?(?=\.\.|\.\D|\W|$)/y],
  ['path', /::/y],
]

/**
 * Returns the tokens of a source text. Comments and lifetimes are left out.
 *
 * @param {string} source
 * @returns {Token[]}
 */
function tokenize(source) {
  const tokens = []
  let at = 0
  let line = 1
  while (at < source.length) {
    const { kind, text } = next(source, at)
    if (kind === 'literal') tokens.push({ text: '""', line, literal: text })
    else if (!['space', 'comment', 'lifetime'].includes(kind)) tokens.push({ text: text.replace(/^r#/, ''), line })
    line += text.split('\n').length - 1
    at += text.length
  }
  return tokens
}

function next(source, at) {
  if (source.startsWith('/*', at)) return { kind: 'comment', text: blockComment(source, at) }
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at
    const match = pattern.exec(source)
    if (match) return { kind, text: match[0] }
  }
  return { kind: 'punctuation', text: source[at] }
}

/** Returns the block comment that starts at `at`. Block comments nest in Rust. */
function blockComment(source, at) {
  const edges = /\/\*|\*\//g
  edges.lastIndex = at
  let depth = 0
  for (let edge = edges.exec(source); edge; edge = edges.exec(source)) {
    depth += edge[0] === '/*' ? 1 : -1
    if (depth === 0) return source.slice(at, edges.lastIndex)
  }
  return source.slice(at)
}

module.exports = { tokenize }
