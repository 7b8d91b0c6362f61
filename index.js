'use strict'

// The exports of the package. The JavaScript code is in lib/, the Rust code in src/.

const {
  ExtensionSettingsStorage,
  KeyCommand,
  KeychainTokenStorage,
  ProviderKeyStorage,
  SecureInputHandler,
  SecureStore,
  ToolKeyStorage,
  getProviderKeyStorage,
  getToolKeyStorage,
  resetProviderKeyStorage,
} = require('./lib/classes.js')
const { EnvelopeCodecError, SecureStoreError, isRuntimeReplacedError, isSecureStoreError } = require('./lib/errors.js')
const {
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
} = require('./lib/functions.js')
const { findLegacyData, hardenProcess, maskKeyForDisplay, parseKeyArgs, setLogSink, validateKeyName } =
  require('./lib/native.js').native

module.exports = {
  AUTH_EPHEMERAL_SETTINGS,
  EnvelopeCodecError,
  ExtensionSettingsStorage,
  KEY_NAME_REGEX,
  KeyCommand,
  KeychainTokenStorage,
  ProviderKeyStorage,
  SecureInputHandler,
  SecureStore,
  SecureStoreError,
  TOOL_KEY_REGISTRY,
  ToolKeyStorage,
  configure,
  createDefaultKeyringAdapter,
  decryptEnvelopeString,
  doctor,
  encryptEnvelopeString,
  findLegacyData,
  getProviderKeyStorage,
  getSupportedToolNames,
  getToolKeyEntry,
  getToolKeyStorage,
  hardenProcess,
  isRuntimeReplacedError,
  isSecureStoreError,
  isValidEnvelope,
  isValidToolKeyName,
  maskKeyForDisplay,
  parseKeyArgs,
  readEnvelopeVersion,
  resetProviderKeyStorage,
  resolveApiKey,
  setLogSink,
  setOsKeyringDisabledBySetting,
  validateKeyName,
}
