// The types of the CLI that a slash command uses.

export interface CommandContext {
  services: { config: { isInteractive(): boolean } | null }
  invocation?: { raw: string }
  overwriteConfirmed?: boolean
  runtime: { updateActiveProviderApiKey(key: string | null): { message: string }; status(): string }
  ephemeral: Map<string, string>
}

export type CompleterFn = (context: CommandContext, partial: string) => Promise<readonly CompletionOption[]>

export interface CompletionOption {
  readonly value: string
  readonly description?: string
}

export interface LiteralArgument {
  readonly kind: 'literal'
  readonly value: string
  readonly description?: string
  readonly next?: CommandArgumentSchema
}

export interface ValueArgument {
  readonly kind: 'value'
  readonly name: string
  readonly description?: string
  readonly completer?: CompleterFn
  readonly hint?: string
  readonly next?: CommandArgumentSchema
}

export type CommandArgumentSchema = ReadonlyArray<LiteralArgument | ValueArgument>

export type CommandReturn =
  | { type: 'message'; messageType: 'info' | 'error'; content: string }
  | { type: 'confirm_action'; prompt: string; originalInvocation: { raw: string } }

export interface SlashCommand {
  name: string
  description: string
  schema: CommandArgumentSchema
  completion(context: CommandContext, partial: string): Promise<string[]>
  action(context: CommandContext, args: string): Promise<CommandReturn>
}
