'use strict'

// Sorts the problems of a report by severity, and replaces general remedies by ones for this system.

/** The severities from high to low. The last one needs no action. */
const SEVERITIES = ['error', 'warning', 'info']

/** The install command of each distribution. */
const INSTALL = {
  debian: 'sudo apt install',
  ubuntu: 'sudo apt install',
  fedora: 'sudo dnf install',
  rhel: 'sudo dnf install',
  arch: 'sudo pacman -S',
  suse: 'sudo zypper install',
  opensuse: 'sudo zypper install',
  alpine: 'sudo apk add',
}

/** The command that unlocks the login keyring. It neither shows the password nor puts it on a command line. */
const UNLOCK =
  'read -rsp "Login password: " p && printf %s "$p" | gnome-keyring-daemon --replace --unlock >/dev/null 2>&1; unset p'

/** How the messages of a keyring that is locked begin, whatever their code. */
const LOCKED_MESSAGE = 'The keyring is locked'

/**
 * Returns the problems of a report, sorted by severity.
 *
 * @param {import('../../index.d.ts').DoctorReport} report
 * @param {import('./system.js').System} system
 * @returns {Array<{ severity: 'error' | 'warning' | 'info', message: string, remedy: string }>}
 */
function advise(report, system) {
  const problems = report.problems.map((problem) => adviceFor(problem, report.keyring, system))
  return problems.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity))
}

/**
 * Returns what to do about an error of the addon: how to unlock a locked keyring on this system, else the error's remedy.
 *
 * @param {{ code?: string, message: string, remediation?: string }} error
 * @param {import('./system.js').System} system
 * @returns {string | undefined}
 */
function remedyFor({ code, message, remediation }, system) {
  const isLocked = code === 'LOCKED' || (code === 'DENIED' && message.includes(LOCKED_MESSAGE))
  return (isLocked && unlock(system)) || remediation
}

/**
 * Splits a remedy that ends with a command, which must be copied as one line.
 *
 * @param {string} remedy
 * @returns {{ text: string, command: string | undefined }}
 */
function splitRemedy(remedy) {
  if (!remedy.endsWith(UNLOCK)) return { text: remedy, command: undefined }
  return { text: remedy.slice(0, -UNLOCK.length).trimEnd(), command: UNLOCK }
}

function adviceFor({ severity = 'warning', message, remedy }, keyring, system) {
  const isKeyringProblem = keyring.message !== null && message.includes(keyring.message)
  if (!isKeyringProblem) return { severity, message, remedy }
  // Encrypted files work without a keyring, so nothing needs doing.
  if (keyring.backend === 'none') return { severity: 'info', message, remedy: withoutKeyring(system) ?? remedy }
  // A locked keyring answers DENIED if its prompt cannot be shown, for example over ssh.
  const isLocked = keyring.code === 'LOCKED' || keyring.code === 'DENIED'
  return { severity: 'error', message, remedy: (isLocked && unlock(system)) || remedy }
}

/** Returns the remedy for a system without a keyring, or `undefined` to keep the general one. */
function withoutKeyring(system) {
  if (system.isContainer) return 'In a container, encrypted files are right. Keep the data directory on a volume.'
  if (system.platform !== 'linux') return undefined
  const install = `To use a keyring: ${installCommand(system)}`
  if (system.isWsl) return `On WSL, encrypted files are the usual choice. ${install}`
  if (!system.hasKeyringDaemon) return install
  if (!system.hasSessionBus)
    return `To use the installed keyring, start a session bus: dbus-run-session -- bash. Then: ${UNLOCK}`
  if (system.isSsh) return `To use the installed keyring over ssh: ${UNLOCK}`
  return 'To use the installed keyring, log out and in again, or start it: gnome-keyring-daemon --start'
}

function installCommand({ distributions, isKde }) {
  const known = distributions.find((name) => Object.hasOwn(INSTALL, name.split('-')[0]))
  const name = isKde ? 'kwalletmanager' : 'gnome-keyring'
  return known ? `${INSTALL[known.split('-')[0]]} ${name}` : `install ${name} with the package manager of your system`
}

function unlock({ platform, isKde, isSsh }) {
  if (platform === 'darwin')
    return isSsh ? 'Unlock the keychain in this ssh session: security unlock-keychain' : undefined
  if (platform !== 'linux') return undefined
  if (isKde) return 'Unlock the wallet: open KWalletManager, or log in on the desktop.'
  if (isSsh) return `Unlock the login keyring in this ssh session: ${UNLOCK}`
  return `Unlock the keyring: open "Passwords and Keys" (seahorse), or run: ${UNLOCK}`
}

module.exports = { advise, remedyFor, splitRemedy }
