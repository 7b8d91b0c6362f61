// The second file of a host. Applies the key once the profile is loaded: it sets the key of the session and stores the
// reference, so that a profile saved from the session names the source of the key and does not contain the key.

import {
  AUTH_EPHEMERAL_SETTINGS,
  type AuthSources,
  type ProviderKeyStorage,
  resolveApiKey,
  SecureStoreError,
} from '@llxprt/securestore'
import { type Bootstrap, parseBootstrapArgs } from './bootstrap'

const VALID_SETTINGS = new Set<string>([...AUTH_EPHEMERAL_SETTINGS, 'base-url', 'context-limit'])

export class Session {
  apiKey: string | null = null
  readonly settings = new Map<string, string>()
  readonly log: string[] = []
  readonly debug = (line: string): void => void this.log.push(line)

  setSetting(name: string, value: string | null): void {
    if (!VALID_SETTINGS.has(name)) throw new Error(`Unknown setting: ${name}`)
    if (value === null) this.settings.delete(name)
    else this.settings.set(name, value)
  }
}

export interface Host {
  profiles: Record<string, Record<string, string>>
  env: Record<string, string | undefined>
  storage?: ProviderKeyStorage
}

/** Loads the profile, which the command line then overrides. */
export async function applyCliArgumentOverrides(session: Session, { args }: Bootstrap, host: Host): Promise<void> {
  const settings = args.profileName === null ? {} : (host.profiles[args.profileName] ?? {})
  for (const [name, value] of Object.entries(settings)) session.setSetting(name, value)
  const sources: AuthSources = {
    key: args.keyOverride,
    keyName: args.keyNameOverride,
    keyfile: args.keyfileOverride,
    profile: { ...settings, name: args.profileName },
    env: host.env,
    envNames: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
  }
  const { apiKey, ephemeral, diagnostics } = await resolveApiKey(sources, host.storage)
  for (const line of diagnostics) session.debug(line)
  session.apiKey = apiKey
  for (const [name, value] of Object.entries(ephemeral)) session.setSetting(name, value)
}

/** Starts a non-interactive run, and returns its exit code and what it writes to standard error. */
export async function runNonInteractive(
  session: Session,
  argv: readonly string[],
  host: Host,
): Promise<{ exitCode: number; stderr: string }> {
  try {
    await applyCliArgumentOverrides(session, parseBootstrapArgs(argv, session.debug), host)
    return { exitCode: 0, stderr: '' }
  } catch (error) {
    if (!(error instanceof SecureStoreError)) throw error
    return { exitCode: error.exitCode ?? 1, stderr: `${error.message}\n${error.remediation}\n` }
  }
}
