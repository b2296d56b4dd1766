import { flagListWire, sequenceSetWire } from "./wire.ts"

/** Codes without an argument. */
export type PlainCode =
  // RFC 3501 §7.1
  | "ALERT"
  | "PARSE"
  | "READ-ONLY"
  | "READ-WRITE"
  | "TRYCREATE"
  // RFC 5530 §3
  | "UNAVAILABLE"
  | "AUTHENTICATIONFAILED"
  | "PRIVACYREQUIRED"
  | "CONTACTADMIN"
  | "NOPERM"
  | "EXPUNGEISSUED"
  | "CORRUPTION"
  | "SERVERBUG"
  | "CLIENTBUG"
  | "CANNOT"
  | "LIMIT"
  | "OVERQUOTA"
  | "ALREADYEXISTS"
  | "NONEXISTENT"
  // others
  | "UIDNOTSTICKY" // RFC 4315 §3
  | "TOOBIG" // RFC 4469 §5
  | "CLOSED" // RFC 7162 §3.2.11
  | "NOMODSEQ" // RFC 7162 §3.1.2.2
  | "HASCHILDREN" // RFC 9051 §7.1
  | "USEATTR" // RFC 6154 §6
  | "COMPRESSIONACTIVE" // RFC 4978 §3
  | "UIDREQUIRED" // RFC 9586 §3
  | "TOOFEW" // RFC 10022 §3.1.5
  | "TOOMANY" // RFC 10022 §3.1.5
  | "UNKNOWN-CTE" // RFC 3516 §4.3
  | "NOTIFICATIONOVERFLOW" // RFC 5465 §5.8

/** resp-text-code, RFC 3501 §9 and the extensions named. */
export type ResponseCode =
  | PlainCode
  | { code: "BADCHARSET"; charsets: readonly string[] }
  | { code: "CAPABILITY"; capabilities: readonly string[] }
  | { code: "PERMANENTFLAGS"; flags: readonly string[] }
  | { code: "UIDNEXT" | "UIDVALIDITY" | "UNSEEN"; value: number }
  | { code: "HIGHESTMODSEQ"; value: number } // RFC 7162 §3.1.2.1
  | { code: "APPENDUID"; uidValidity: number; uids: Iterable<number> } // RFC 4315 §3
  | { code: "COPYUID"; uidValidity: number; source: Iterable<number>; target: Iterable<number> } // RFC 4315 §3
  | { code: "MODIFIED"; numbers: Iterable<number> } // RFC 7162 §3.1.3
  | { code: "METADATA"; what: "LONGENTRIES" | "MAXSIZE"; value: number } // RFC 5464 §5
  | { code: "METADATA"; what: "TOOMANY" } // RFC 5464 §5
  | { code: "BADURL"; url: string } // RFC 4469 §4.1
  | { code: "MAILBOXID"; id: string } // RFC 8474 §4.2
  | { code: "NOUPDATE"; tag: string } // RFC 5267 §4.3.1
  /** RFC 9738 §5; `uid` is of the last message that was worked on, the lowest. */
  | { code: "MESSAGELIMIT"; limit: number; uid: number | null }
  | { code: "BADEVENT"; events: readonly string[] } // RFC 5465 §8
  | { code: "INPROGRESS"; tag: string; state: { done: number; goal: number } | null } // RFC 9585 §4

export type Status = "OK" | "NO" | "BAD" | "BYE" | "PREAUTH"

/** `[UIDNEXT 5]`, brackets included. */
export function responseCodeText(code: ResponseCode): string {
  return `[${typeof code === "string" ? code : withArguments(code)}]`
}

function withArguments(code: Exclude<ResponseCode, PlainCode>): string {
  switch (code.code) {
    case "BADCHARSET":
      return code.charsets.length === 0 ? code.code : `${code.code} (${code.charsets.join(" ")})`
    case "MESSAGELIMIT":
      return code.uid === null ? `${code.code} ${code.limit}` : `${code.code} ${code.limit} ${code.uid}`
    case "BADEVENT":
      return `${code.code} (${code.events.join(" ")})`
    case "CAPABILITY":
      return [code.code, ...code.capabilities].join(" ")
    case "PERMANENTFLAGS":
      return `${code.code} ${flagListWire(code.flags)}`
    case "APPENDUID":
      return `${code.code} ${code.uidValidity} ${sequenceSetWire(code.uids)}`
    case "COPYUID":
      return `${code.code} ${code.uidValidity} ${sequenceSetWire(code.source)} ${sequenceSetWire(code.target)}`
    case "MODIFIED":
      return `${code.code} ${sequenceSetWire(code.numbers)}`
    case "NOUPDATE":
      return `${code.code} "${code.tag}"`
    case "INPROGRESS":
      return `${code.code} (${inProgressTag(code.tag)} ${code.state?.done ?? "NIL"} ${code.state?.goal ?? "NIL"})`
    case "BADURL":
      return `${code.code} "${code.url.replace(/[^\x20-\x7e]|["\]\\]/g, percentEncoded)}"`
    case "MAILBOXID":
      return `${code.code} (${code.id})`
    case "METADATA":
      return `${code.code} ${code.what}${"value" in code ? ` ${code.value}` : ""}`
    default:
      return `${code.code} ${code.value}`
  }
}

/**
 * inprogress-tag = quoted / nil
 *
 * RFC 9585 §5. Clients look for the "]" that ends a response code, so a tag that has one is not told.
 */
function inProgressTag(tag: string): string {
  return tag.includes("]") ? "NIL" : `"${tag}"`
}

/** url-resp-text (RFC 4469 §5) is text without "]". */
function percentEncoded(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`
}

/** Longest text behind a status; it is for people and for log lines. */
const maxText = 400

/**
 * text      = 1*TEXT-CHAR
 * TEXT-CHAR = <any CHAR except CR and LF>
 *
 * RFC 3501 §9. Anything else becomes "?", and a text that would be taken for a response code, or that is
 * empty, gets a "-" in front.
 */
export function textWire(text: string): string {
  const clean = text.slice(0, maxText).replace(/[^\x20-\x7e]/g, "?")
  return clean === "" || clean.startsWith("[") ? `-${clean}` : clean
}

/** resp-text = ["[" resp-text-code "]" SP] text */
function respText(text: string, code: ResponseCode | null): string {
  return code === null ? textWire(text) : `${responseCodeText(code)} ${textWire(text)}`
}

/** response-tagged = tag SP resp-cond-state CRLF; the tag must have been read by the grammar. */
export function tagged(
  tag: string,
  status: "OK" | "NO" | "BAD",
  text: string,
  code: ResponseCode | null = null,
): string {
  return `${tag} ${status} ${respText(text, code)}\r\n`
}

/** "*" SP (resp-cond-state / resp-cond-bye / resp-cond-auth) CRLF */
export function untagged(status: Status, text: string, code: ResponseCode | null = null): string {
  return `* ${status} ${respText(text, code)}\r\n`
}

/** continue-req = "+" SP (resp-text / base64) CRLF; an empty text is the empty base64 of a SASL challenge. */
export function continuation(text: string): string {
  return `+ ${text === "" ? "" : textWire(text)}\r\n`
}
