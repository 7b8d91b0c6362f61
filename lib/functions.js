'use strict'

// The public functions and constants that are not exports of the binary alone.

const { getProviderKeyStorage, resetInstances } = require('./classes.js')
const { native } = require('./native.js')

const KEY_NAME_REGEX = /^[a-zA-Z0-9._-]{1,64}$/

const AUTH_EPHEMERAL_SETTINGS = Object.freeze(['auth-key-name', 'auth-keyfile', 'auth-key'])

const TOOL_KEY_REGISTRY = new Map(native.toolKeyRegistry().map((entry) => [entry.toolKeyName, Object.freeze(entry)]))

function createDefaultKeyringAdapter() {
  return require('./calls.js').createDefaultKeyringAdapter(native)
}

function configure(settings) {
  const changes = require('./host.js').setConfiguration(settings)
  if (Object.hasOwn(changes, 'osKeyringDisabled')) native.setOsKeyringDisabled(changes.osKeyringDisabled ?? false)
  resetInstances()
}

function setOsKeyringDisabledBySetting(disabled) {
  native.setOsKeyringDisabled(disabled)
  require('./host.js').setConfiguration({ osKeyringDisabled: disabled })
}

// The storage is passed as a function, so that it is created only if the session uses a named key. The function is async so
// that an error thrown by a getter of `sources` becomes a rejection.
async function resolveApiKey(sources, storage) {
  return native.resolveApiKey(sources, storage, { env: process.env, storage: getProviderKeyStorage })
}

async function doctor(options) {
  const runtime = process.versions.bun ? `bun ${process.versions.bun}` : `node ${process.versions.node}`
  return native.doctor(options, { platform: `${process.platform}-${process.arch}`, runtime })
}

function encryptEnvelopeString(...args) {
  return require('./envelope.js').encryptEnvelopeString(...args)
}

function decryptEnvelopeString(...args) {
  return require('./envelope.js').decryptEnvelopeString(...args)
}

function readEnvelopeVersion(content) {
  return require('./envelope.js').readEnvelopeVersion(content)
}

function isValidEnvelope(envelope) {
  return require('./envelope.js').isValidEnvelope(envelope)
}

function isValidToolKeyName(toolName) {
  return TOOL_KEY_REGISTRY.has(toolName)
}

function getToolKeyEntry(toolName) {
  return TOOL_KEY_REGISTRY.get(toolName)
}

function getSupportedToolNames() {
  return [...TOOL_KEY_REGISTRY.keys()]
}

module.exports = {
  AUTH_EPHEMERAL_SETTINGS,
  KEY_NAME_REGEX,
  TOOL_KEY_REGISTRY,
  configure,
  createDefaultKeyringAdapter,
  decryptEnvelopeString,
  doctor,
  encryptEnvelopeString,
  getSupportedToolNames,
  getToolKeyEntry,
  isValidEnvelope,
  isValidToolKeyName,
  readEnvelopeVersion,
  resolveApiKey,
  setOsKeyringDisabledBySetting,
}
