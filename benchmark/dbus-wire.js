// @ts-check
'use strict'

// The D-Bus wire format, as far as calls of the Secret Service need it: little-endian, without file descriptors.

/** @type {Record<string, number>} */
const ALIGNMENT = { y: 1, b: 4, u: 4, s: 4, o: 4, g: 1, v: 1, a: 4, '(': 8, '{': 8 }

/**
 * Returns the bytes of values.
 *
 * @param {string} signature of all values
 * @param {readonly unknown[]} values a variant is `[signature, value]`, a structure or dictionary entry is an array
 */
function marshal(signature, values) {
  /** @type {number[]} */
  const bytes = []
  types(signature).forEach((type, i) => {
    write(bytes, type, values[i])
  })
  return Buffer.from(bytes)
}

/**
 * Returns the values in a message body.
 *
 * @param {string} signature
 * @param {Buffer} bytes
 * @returns {unknown[]}
 */
function unmarshal(signature, bytes) {
  const at = { bytes, offset: 0 }
  return types(signature).map((type) => read(at, type))
}

/** Splits a signature into complete types. @param {string} signature */
function types(signature) {
  const found = []
  for (let start = 0; start < signature.length; ) {
    let end = start
    while (signature[end] === 'a') end += 1
    let depth = 0
    do {
      const character = signature[end] ?? ''
      if ('({'.includes(character)) depth += 1
      if (')}'.includes(character)) depth -= 1
      end += 1
    } while (depth > 0)
    found.push(signature.slice(start, end))
    start = end
  }
  return found
}

/**
 * @param {number[]} bytes
 * @param {string} type
 * @param {any} value
 */
function write(bytes, type, value) {
  const [kind = ''] = type
  align(bytes, kind)
  if (kind === 'y') bytes.push(value)
  else if (kind === 'b' || kind === 'u') bytes.push(...uint32(Number(value)))
  else if (kind === 's' || kind === 'o') {
    const text = Buffer.from(value)
    bytes.push(...uint32(text.length), ...text, 0)
  } else if (kind === 'g') bytes.push(value.length, ...Buffer.from(value), 0)
  else if (kind === 'v') {
    write(bytes, 'g', value[0])
    write(bytes, value[0], value[1])
  } else if (kind === 'a') {
    const place = bytes.length
    bytes.push(0, 0, 0, 0)
    align(bytes, type[1] ?? '')
    const start = bytes.length
    for (const element of value) write(bytes, type.slice(1), element)
    bytes.splice(place, 4, ...uint32(bytes.length - start))
  } else {
    types(type.slice(1, -1)).forEach((inner, i) => {
      write(bytes, inner, value[i])
    })
  }
}

/**
 * @param {{ bytes: Buffer, offset: number }} at
 * @param {string} type
 * @returns {any}
 */
function read(at, type) {
  const [kind = ''] = type
  at.offset = aligned(at.offset, kind)
  if (kind === 'y') {
    at.offset += 1
    return at.bytes[at.offset - 1]
  }
  if (kind === 'g') return text(at, read(at, 'y'))
  if (kind === 'v') return read(at, text(at, read(at, 'y')))
  if (kind === '(' || kind === '{') return types(type.slice(1, -1)).map((inner) => read(at, inner))
  at.offset += 4
  const number = at.bytes.readUInt32LE(at.offset - 4)
  if (kind === 'b' || kind === 'u') return number
  if (kind === 's' || kind === 'o') return text(at, number)
  if (kind !== 'a') throw new TypeError(`The D-Bus type '${kind}' is not supported`)
  at.offset = aligned(at.offset, type[1] ?? '')
  const elements = []
  for (const end = at.offset + number; at.offset < end; ) elements.push(read(at, type.slice(1)))
  return elements
}

/** @param {{ bytes: Buffer, offset: number }} at @param {number} length */
function text(at, length) {
  const start = at.offset
  at.offset += length + 1
  return at.bytes.toString('utf8', start, start + length)
}

/** @param {number[]} bytes @param {string} kind */
function align(bytes, kind) {
  while (bytes.length < aligned(bytes.length, kind)) bytes.push(0)
}

/** @param {number} offset @param {string} kind */
function aligned(offset, kind) {
  const alignment = ALIGNMENT[kind] ?? 1
  return Math.ceil(offset / alignment) * alignment
}

/** @param {number} value */
function uint32(value) {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]
}

module.exports = { marshal, unmarshal }
