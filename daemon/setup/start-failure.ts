import type { Settings } from "../host/settings.ts"

/** A component could not start. The message is one line for the operator: what is wrong and what to do. */
export class StartFailure extends Error {
  override name = "StartFailure"
}

type SystemError = NodeJS.ErrnoException & { address?: string; port?: number }

/** Turns what the system said into what the operator can do. */
export function explainStartFailure(error: unknown, component: string, settings: Settings): StartFailure {
  if (error instanceof StartFailure) return error
  const { code, address, port, path, message } = systemErrorOf(error)
  const where = port === undefined ? (address ?? path ?? settings.data_dir) : `${address ?? ""}:${port}`
  const text: Record<string, string> = {
    EADDRINUSE: `${where} is in use by another program: stop it, or set another address in mailkeep.toml`,
    EADDRNOTAVAIL: `${where} is not an address of this machine: set another one in mailkeep.toml`,
    EACCES: `no permission for ${where}: make it writable for this user, or set data_dir in mailkeep.toml`,
    EPERM: `no permission for ${where}: make it writable for this user, or set data_dir in mailkeep.toml`,
    EROFS: `${where} is on a read-only file system: set data_dir in mailkeep.toml`,
    ENOSPC: `no space left for ${where}`,
    ENOTDIR: `${where} is not a directory: remove the file, or set data_dir in mailkeep.toml`,
  }
  return new StartFailure(`${component}: ${text[code ?? ""] ?? message}`, { cause: error })
}

/** What the system said, also when somebody put it into other words. */
function systemErrorOf(error: unknown): SystemError {
  const { code, cause } = error as SystemError
  return code === undefined && cause instanceof Error && "code" in cause
    ? (cause as SystemError)
    : (error as SystemError)
}
