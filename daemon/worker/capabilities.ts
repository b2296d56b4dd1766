import type { Account } from "./account.ts"

/** What a command family adds to CAPABILITY; declared beside the code that makes it true. */
export type Capability = {
  name: string
  rfc: number
  /** For capabilities of the form NAME=value; null when it is not offered. */
  value?: (account: Account) => number | string | null
}

/** The capabilities after login, in the order of registration; IMAP4rev1 comes first. */
export function capabilityNames(registered: readonly Capability[], account: Account): string[] {
  return registered.flatMap(({ name, value }) => {
    if (value === undefined) return [name]
    const found = value(account)
    return found === null ? [] : [`${name}=${found}`]
  })
}
