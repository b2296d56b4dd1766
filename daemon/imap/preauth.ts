import { stillBytes, stillCopy } from "../host/still.ts"
import { decodeBase64 } from "./base64.ts"
import { type Cursor, endOfCommand, latin1, SP, space, tryByte } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { commandName, tag } from "./head.ts"
import { id } from "./simple.ts"
import { astring, atom } from "./strings.ts"

/**
 * What a client can say before login. Credentials are copies that belong to the caller, who wipes them, as
 * well as the octets of the command; nothing secret becomes a string.
 */
export type PreauthCommand = { tag: string } & PreauthBody

type PreauthBody =
  | { name: "CAPABILITY" | "NOOP" | "LOGOUT" | "STARTTLS" }
  | { name: "ID"; fields: Map<string, string | null> | null }
  | { name: "LOGIN"; user: Uint8Array; password: Uint8Array }
  /** `initial` is the decoded initial response (RFC 4959), null when there was none. */
  | { name: "AUTHENTICATE"; mechanism: string; initial: Uint8Array | null }
  /** A name that is not for this state, or not known; its arguments were not read. */
  | { name: "OTHER"; command: string }

/**
 * command = tag SP (command-any / command-nonauth) CRLF
 *
 * RFC 3501 §9. @throws ParseError
 */
export function parsePreauth(cursor: Cursor): PreauthCommand {
  const found = tag(cursor)
  space(cursor)
  return { tag: found, ...body(cursor, commandName(cursor)) }
}

function body(cursor: Cursor, name: string): PreauthBody {
  switch (name) {
    case "CAPABILITY":
    case "NOOP":
    case "LOGOUT":
    case "STARTTLS":
      endOfCommand(cursor)
      return { name }
    case "ID": {
      const fields = id(cursor)
      endOfCommand(cursor)
      return { name, fields }
    }
    case "LOGIN":
      return login(cursor)
    case "AUTHENTICATE":
      return authenticate(cursor)
    default:
      return { name: "OTHER", command: name }
  }
}

/**
 * login    = "LOGIN" SP userid SP password
 * userid   = astring
 * password = astring
 *
 * RFC 3501 §9.
 */
function login(cursor: Cursor): PreauthBody {
  space(cursor)
  const user = astring(cursor, "userid")
  space(cursor)
  const password = astring(cursor, "password")
  const given = { name: "LOGIN", user: stillCopy(user), password: stillCopy(password) } as const
  // An escaped password was decoded into a buffer of its own; a view is wiped with the command.
  if (cursor.bytes.buffer !== password.buffer) password.fill(0)
  try {
    endOfCommand(cursor)
    return given
  } catch (error) {
    given.password.fill(0)
    throw error
  }
}

/**
 * authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp] *(CRLF base64)
 * initial-resp = base64 / "="
 *
 * RFC 4959 §7; "=" is an empty response. The lines that follow are read by the caller.
 */
function authenticate(cursor: Cursor): PreauthBody {
  space(cursor)
  const mechanism = latin1(atom(cursor, "auth-type")).toUpperCase()
  if (!tryByte(cursor, SP)) {
    endOfCommand(cursor)
    return { name: "AUTHENTICATE", mechanism, initial: null }
  }
  const wire = cursor.bytes.subarray(cursor.at)
  if (wire.length === 0) throw new ParseError("initial-resp", cursor.at)
  const initial = wire.length === 1 && wire[0] === 0x3d ? stillBytes(0) : decodeBase64(wire)
  return { name: "AUTHENTICATE", mechanism, initial }
}
