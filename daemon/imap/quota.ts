import { type Cursor, latin1, parenthesised, space } from "./cursor.ts"
import type { CommandFamily } from "./grammar.ts"
import { mailbox } from "./mailbox-name.ts"
import { number64 } from "./numbers.ts"
import { astring, atom } from "./strings.ts"

/** RFC 9208 §7. */
export const quotaCommands: CommandFamily = {
  /** getquota = "GETQUOTA" SP quota-root-name */
  GETQUOTA: (cursor) => ({ name: "GETQUOTA", root: rootName(cursor) }),
  /** getquotaroot = "GETQUOTAROOT" SP mailbox */
  GETQUOTAROOT: (cursor, context) => {
    space(cursor)
    return { name: "GETQUOTAROOT", mailbox: mailbox(cursor, context) }
  },
  /** setquota = "SETQUOTA" SP quota-root-name SP "(" [setquota-resource *(SP setquota-resource)] ")" */
  SETQUOTA: (cursor, context) => {
    const root = rootName(cursor)
    space(cursor)
    return { name: "SETQUOTA", root, limits: parenthesised(cursor, context, setquotaResource, true) }
  },
}

/** quota-root-name = astring; an opaque string, kept octet by octet. */
function rootName(cursor: Cursor): string {
  space(cursor)
  return latin1(astring(cursor, "quota-root-name"))
}

/** setquota-resource = resource-name SP resource-limit */
function setquotaResource(cursor: Cursor): { resource: string; limit: number } {
  const resource = latin1(atom(cursor, "resource-name")).toUpperCase()
  space(cursor)
  return { resource, limit: number64(cursor) }
}
