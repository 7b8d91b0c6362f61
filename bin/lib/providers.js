'use strict'

// The environment variables from which programs read the API key of a provider.

/** The variable of each provider, by the first word of a key's name. */
const VARIABLES = {
  anthropic: 'ANTHROPIC_API_KEY',
  cerebras: 'CEREBRAS_API_KEY',
  deepseek: 'DEEPSEEK_API_KEY',
  fireworks: 'FIREWORKS_API_KEY',
  gemini: 'GEMINI_API_KEY',
  google: 'GEMINI_API_KEY',
  groq: 'GROQ_API_KEY',
  mistral: 'MISTRAL_API_KEY',
  openai: 'OPENAI_API_KEY',
  openrouter: 'OPENROUTER_API_KEY',
  together: 'TOGETHER_API_KEY',
  xai: 'XAI_API_KEY',
}

/** The variable for keys of other providers. */
const DEFAULT_VARIABLE = 'API_KEY'

/** Returns the environment variable for a key of this name. */
function variableOf(name) {
  const provider = name.split(/[-._]/, 1)[0].toLowerCase()
  return Object.hasOwn(VARIABLES, provider) ? VARIABLES[provider] : DEFAULT_VARIABLE
}

/** Returns the provider whose key this environment variable holds, or `undefined`. */
function providerOf(variable) {
  if (variable === 'GOOGLE_API_KEY') return 'google'
  return Object.keys(VARIABLES).find((provider) => VARIABLES[provider] === variable)
}

module.exports = { providerOf, variableOf }
