// scripts/structure.js, with small projects that each break one rule.

import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { inspect } from '../scripts/structure.js'
import { newDirectory } from './support/helpers'

const LIB = `//! - [\`error\`]: errors
//! - [\`store\`]: a store

mod error;
mod store;
`

/** Writes a project and returns what the check says about it. */
function violations(files: Record<string, string>): string[] {
  const root = newDirectory()
  for (const [name, text] of Object.entries({ 'src/error.rs': '', 'src/store.rs': '', ...files })) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
    writeFileSync(path.join(root, name), text)
  }
  if (!('src/lib.rs' in files)) writeFileSync(path.join(root, 'src/lib.rs'), LIB)
  return inspect(root).violations
}

describe('import cycles in Rust', () => {
  test('are found between a module and its child', () => {
    const found = violations({
      'src/store.rs': 'mod files; use files::Files; pub struct Mark; pub fn open() -> Files { Files }',
      'src/store/files.rs': 'use super::Mark; pub struct Files;',
    })
    expect(found).toEqual([
      'Import cycle: src/store.rs uses src/store/files.rs (Files), which uses src/store.rs (Mark)',
    ])
  })

  test('are found through paths in expressions, without any use declaration', () => {
    const found = violations({
      'src/store.rs': 'mod files; pub fn name() {} pub fn open() { files::read() }',
      'src/store/files.rs': 'pub fn read() { crate::store::name() }',
    })
    expect(found).toEqual([expect.stringMatching(/^Import cycle: .*\(read\).*\(name\)$/)])
  })

  test('are found through an imported module, a renamed name and a glob import', () => {
    const children = 'mod a; mod b; mod c;'
    const inCircle = {
      'src/store/a.rs': 'use super::b; pub fn a() { b::b() }',
      'src/store/b.rs': 'use super::c::c as renamed; pub fn b() { renamed() }',
      'src/store/c.rs': 'use super::a::*; pub fn c() { a() }',
    }
    const [cycle, ...others] = violations({ 'src/store.rs': children, ...inCircle })
    expect(others).toEqual([])
    expect(cycle).toBe(
      'Import cycle: src/store/a.rs uses src/store/b.rs (b), which uses src/store/c.rs (c), which uses src/store/a.rs (a)',
    )
    expect(violations({ 'src/store.rs': children, ...inCircle, 'src/store/c.rs': 'use super::a::*;' })).toEqual([])
  })

  test('are followed through re-exports to the file that defines the name', () => {
    const reExported = {
      'src/store.rs': 'mod files; mod name; pub use name::Name;',
      'src/store/files.rs': 'use crate::store::Name; pub struct Files(Name);',
    }
    expect(violations({ ...reExported, 'src/store/name.rs': 'pub struct Name;' })).toEqual([])
    const back = violations({ ...reExported, 'src/store/name.rs': 'use super::files::Files; pub struct Name(Files);' })
    expect(back).toEqual([expect.stringContaining('src/store/files.rs (Files)')])
  })

  test('do not come from declarations, comments, literals, inline modules and test code', () => {
    const found = violations({
      'src/store.rs': `pub mod files; pub struct Mark;
        // use files::Files;
        /* files::read() /* nested */ files::read() */
        const TEXT: &str = "files::read()"; const RAW: &str = r#"a " files::read()"#; const QUOTE: char = '"';
        fn longest<'a>(text: &'a str) -> &'a str { text }
        mod inline { use super::Mark; pub struct Inner(Mark); }
        #[cfg(test)] use files::{Files};
        #[cfg(test)] mod tests { use super::files::Files; }`,
      'src/store/files.rs': 'use super::Mark; pub struct Files(Mark); pub fn read() {}',
    })
    expect(found).toEqual([])
  })

  test('are found in modules whose file a path attribute names', () => {
    const found = violations({
      'src/store.rs': '#[cfg(unix)] #[path = "store/unix.rs"] mod platform; pub struct Mark; use platform::Handle;',
      'src/store/unix.rs': 'pub struct Handle(super::Mark);',
    })
    expect(found).toEqual([expect.stringContaining('src/store.rs uses src/store/unix.rs (Handle)')])
  })

  test('are reported once for each group, with all files that take part', () => {
    const found = violations({
      'src/store.rs': 'mod a; mod b; mod c; mod d;',
      'src/store/a.rs': 'use super::{b::B, c::C}; pub struct A;',
      'src/store/b.rs': 'use super::a::A; pub struct B;',
      'src/store/c.rs': 'use super::{a::A, b::B}; pub struct C;',
      'src/store/d.rs': 'use super::{a::A, b::B, c::C};',
    })
    expect(found).toEqual([
      'Import cycle: src/store/a.rs uses src/store/b.rs (B), which uses src/store/a.rs (A). ' +
        'In further cycles with them: src/store/c.rs',
    ])
  })
})

describe('import cycles in JavaScript', () => {
  test('are found through require, also inside a function', () => {
    const found = violations({
      'index.js': "const { helper } = require('./lib/helper')",
      'lib/helper.js': "function later() { return require('../index.js') }",
    })
    expect(found).toEqual([
      'Import cycle: index.js uses lib/helper.js (./lib/helper), which uses index.js (../index.js)',
    ])
  })

  test('do not come from types in comments', () => {
    const found = violations({
      'index.js': "require('./lib/helper.js')",
      'lib/helper.js': "// require('../index.js')\n/** @param {import('../index.js').Name} name */",
    })
    expect(found).toEqual([])
  })
})

describe('the order of modules', () => {
  test('lets a module import only modules that are listed before it', () => {
    expect(violations({ 'src/store.rs': 'use crate::error::Error;', 'src/error.rs': 'pub enum Error {}' })).toEqual([])
    const found = violations({
      'src/error.rs': '\nuse crate::store::Store;',
      'src/store.rs': 'pub struct Store;',
    })
    expect(found).toEqual(['src/error.rs:2 imports Store of src/store.rs, but src/lib.rs lists store after error'])
  })

  test('must contain every module of the crate', () => {
    expect(violations({ 'src/lib.rs': `${LIB}mod other;`, 'src/other.rs': '' })).toEqual([
      'src/lib.rs does not list the module other',
    ])
  })
})

describe('files and names', () => {
  test('a module that has children is a file beside their folder', () => {
    expect(violations({ 'src/store.rs': 'mod files;', 'src/store/files/mod.rs': '' })).toEqual([
      'src/store/files/mod.rs should be src/store/files.rs',
    ])
  })

  test('a type name is declared once, whatever kind of type it is', () => {
    const found = violations({
      'src/error.rs': 'pub struct Place;\ntrait Named { type Name; }\nimpl Named for Place { type Name = Place; }',
      'src/store.rs': 'enum Other {}\ntype Place = Other; impl Iterator for Other { type Name = Place; }',
    })
    expect(found).toEqual(['The type name Place is declared more than once: src/error.rs:1, src/store.rs:2'])
  })

  test('a type of one module may be declared for each platform', () => {
    const platforms = { 'src/store/unix.rs': 'pub struct Handle;', 'src/store/windows.rs': 'pub struct Handle;' }
    const oneName =
      '#[cfg(unix)] #[path = "store/unix.rs"] mod os; #[cfg(windows)] #[path = "store/windows.rs"] mod os;'
    const twoNames = '#[cfg(unix)] mod unix; #[cfg(windows)] mod windows;'
    for (const store of [oneName, twoNames]) {
      expect(violations({ 'src/store.rs': store, ...platforms })).toEqual([])
      expect(violations({ 'src/store.rs': `${store} struct Handle;`, ...platforms })).toHaveLength(1)
    }
    const inline = '#[cfg(unix)] mod unix { struct Handle; } #[cfg(windows)] mod windows { struct Handle; }'
    expect(violations({ 'src/store.rs': inline })).toEqual([])
    const mixed = '#[cfg(unix)] mod unix { struct Handle; } #[cfg(not(unix))] pub(super) struct Handle;'
    expect(violations({ 'src/store.rs': mixed })).toEqual([])
    expect(violations({ 'src/store.rs': 'mod unix; mod windows;', ...platforms })).toHaveLength(1)
  })

  test('a source file has at most 400 lines, apart from index.d.ts', () => {
    const lines = '\n'.repeat(401)
    expect(violations({ 'index.d.ts': lines, 'tests/data/table.txt': lines })).toEqual([])
    expect(violations({ 'tests/long.rs': lines, 'bin/long.js': lines })).toEqual([
      'bin/long.js has 401 lines; 400 is the limit',
      'tests/long.rs has 401 lines; 400 is the limit',
    ])
  })
})
