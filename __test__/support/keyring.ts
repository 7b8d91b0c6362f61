// Re-exports the private gnome-keyring, which the benchmark uses too, as a class and as a type.

import { PrivateKeyring as Keyring } from '../../scripts/lib/private-keyring.js'

export const PrivateKeyring = Keyring
export type PrivateKeyring = InstanceType<typeof Keyring>
