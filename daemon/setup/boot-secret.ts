import { readdirSync } from "node:fs"
import type { Paths } from "../host/paths.ts"
import { createBootSecret, loadBootSecret } from "../keys/boot-secret.ts"

/**
 * The boot secret, made on the very first start. Where there are key slots already, a missing one is never
 * replaced: a new secret would lock every user out for good, silently.
 *
 * @throws BootSecretError
 */
export function bootSecretFor(paths: Paths): Buffer {
  try {
    return loadBootSecret(paths.bootSecret)
  } catch (error) {
    const firstStart =
      (error as { cause?: { code?: string } }).cause?.code === "ENOENT" && readdirSync(paths.slots).length === 0
    if (!firstStart) throw error
    createBootSecret(paths.bootSecret)
    return loadBootSecret(paths.bootSecret)
  }
}
