'use strict'

// What of the API was used: so that nothing is exported and never tried on a platform.

const left = new Set()

/** The exports, each crossed off when it is used: functions and constants as such, classes method by method. */
function watch(exports) {
  for (const [name, value] of Object.entries(exports)) {
    if (!isClass(name, value)) left.add(name)
    else for (const method of methodsOf(value)) watchMethod(name, value.prototype, method)
  }
  return new Proxy(exports, {
    get(target, name) {
      left.delete(name)
      return target[name]
    },
  })
}

/** What was not used. */
function undone() {
  return [...left].sort()
}

function isClass(name, value) {
  return typeof value === 'function' && /^[A-Z]/.test(name)
}

function methodsOf({ prototype }) {
  const all = Object.entries(Object.getOwnPropertyDescriptors(prototype))
  return all.flatMap(([name, { value }]) => (typeof value === 'function' && name !== 'constructor' ? [name] : []))
}

function watchMethod(className, prototype, method) {
  const name = `${className}.${method}`
  const original = prototype[method]
  left.add(name)
  prototype[method] = function (...args) {
    left.delete(name)
    return original.apply(this, args)
  }
}

module.exports = { undone, watch }
