'use strict'

// The exports. The code is in lib/, and below src/ in Rust.

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
const { SecureStoreError, isRuntimeReplacedError, isSecureStoreError } = require('./lib/errors.js')
const {
  AUTH_EPHEMERAL_SETTINGS,
  KEY_NAME_REGEX,
  TOOL_KEY_REGISTRY,
  configure,
  createDefaultKeyringAdapter,
  doctor,
  getSupportedToolNames,
  getToolKeyEntry,
  isValidToolKeyName,
  resolveApiKey,
  setOsKeyringDisabledBySetting,
} = require('./lib/functions.js')
const { findLegacyData, hardenProcess, maskKeyForDisplay, parseKeyArgs, setLogSink, validateKeyName } =
  require('./lib/native.js').native

module.exports = {
  AUTH_EPHEMERAL_SETTINGS,
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
  doctor,
  findLegacyData,
  getProviderKeyStorage,
  getSupportedToolNames,
  getToolKeyEntry,
  getToolKeyStorage,
  hardenProcess,
  isRuntimeReplacedError,
  isSecureStoreError,
  isValidToolKeyName,
  maskKeyForDisplay,
  parseKeyArgs,
  resetProviderKeyStorage,
  resolveApiKey,
  setLogSink,
  setOsKeyringDisabledBySetting,
  validateKeyName,
}
