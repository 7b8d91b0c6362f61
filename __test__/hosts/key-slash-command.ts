// The `keyCommand.ts` of the CLI on top of this package. It adds what only the CLI knows: the session and its provider.

import { KeyCommand, type KeyCommandResult } from '@llxprt/securestore'
import type { CommandContext, CommandReturn, SlashCommand } from './cli-types'

let command: KeyCommand | undefined

/** Returns the command, which is constructed at its first use. */
function lazyCommand(): KeyCommand {
  command ??= new KeyCommand()
  return command
}

export const keyCommand: SlashCommand = {
  name: 'key',
  description: 'set, save, load or remove the API key of the current provider',
  schema: KeyCommand.schema,

  async completion(_context, partial) {
    const offered = await lazyCommand().complete(partial)
    return offered.map(({ value }) => value)
  },

  async action(context, args) {
    const result = await lazyCommand().run(args, {
      interactive: context.services.config?.isInteractive() ?? true,
      confirmed: context.overwriteConfirmed,
      raw: context.invocation?.raw,
    })
    return result.type === 'session_key' ? changeSession(context, result) : result
  },
}

type SessionKey = Extract<KeyCommandResult, { type: 'session_key' }>

function changeSession(context: CommandContext, { action, apiKey, name, content }: SessionKey): CommandReturn {
  if (action === 'status') return info(context.runtime.status())
  const { message } = context.runtime.updateActiveProviderApiKey(apiKey)
  // Profiles store the name of a saved key, never the key itself.
  context.ephemeral.delete('auth-key')
  context.ephemeral.delete('auth-keyfile')
  if (name === null) context.ephemeral.delete('auth-key-name')
  else context.ephemeral.set('auth-key-name', name)
  return info(content ?? message)
}

function info(content: string): CommandReturn {
  return { type: 'message', messageType: 'info', content }
}
