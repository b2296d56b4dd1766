import { trimWsp } from "./fields.ts"
import { type Cursor, quotedString, skipCfws, takeUntil } from "./lexer.ts"
import type { Address, ByteString } from "./types.ts"

/** A route is looked for this far, so that a list of open ones costs no more than its length. */
const longestRoute = 1000

/** What stands for a missing half: NIL would mean a group (RFC 3501 §7.4.2). */
const missingMailbox = "MISSING_MAILBOX"
const missingHost = "MISSING_DOMAIN"

/**
 * address-list (RFC 5322 §3.4 and §4.4) in the form of RFC 3501 §7.4.2: groups are bracketed by two markers,
 * routes kept, quoting removed, encoded words left alone. A comment is the name where there is no other.
 * Whatever comes in, each address has mailbox and host, and each group is closed. At most `most` are kept, group
 * markers included (and one more that closes a group).
 */
export function parseAddresses(value: ByteString, most = 10_000): Address[] {
  const list = new AddressList({ text: value, at: 0 }, most)
  return list.read()
}

/** "name <mailbox@host>" without quoting and comments, as a reader shows it; what the sender left out is left out. */
export function addressText({ name, mailbox, host }: Address): ByteString {
  const local = mailbox === null || mailbox === missingMailbox ? "" : mailbox
  const spec = host === null || host === missingHost ? local : `${local}@${host}`
  if (name === null) return spec
  return spec === "" ? name : `${name} <${spec}>`
}

/** What was read of one address so far: as a phrase, and in case it is a bare addr-spec. */
type Draft = {
  phrase: ByteString
  /** Phrase as it was before `local` began. */
  before: ByteString
  local: ByteString
  domain: ByteString | null
  /** The part of the addr-spec that is being read ended with a dot. */
  dotted: boolean
  angle: Address | null
  comment: ByteString | null
  seen: boolean
}

class AddressList {
  readonly #cursor: Cursor
  readonly #most: number
  readonly #found: Address[] = []
  #inGroup = false
  #draft: Draft = emptyDraft()

  constructor(cursor: Cursor, most: number) {
    this.#cursor = cursor
    this.#most = most
  }

  read(): Address[] {
    while (this.#found.length < this.#most && this.#cursor.at < this.#cursor.text.length) this.#step()
    this.#finish()
    if (this.#inGroup) this.#found.push({ name: null, route: null, mailbox: null, host: null })
    return this.#found
  }

  #step(): void {
    const cursor = this.#cursor
    const from = cursor.at
    this.#draft.comment = skipCfws(cursor) ?? this.#draft.comment
    const spaced = cursor.at > from
    const char = cursor.text.charAt(cursor.at)
    if (char === "") return
    if (char === "," || char === ";") this.#separator(char)
    else if (char === "<") this.#angle()
    else if (char === ":" && this.#draft.domain === null) this.#colon()
    else if (char === "@") this.#at(spaced)
    else this.#word(spaced)
  }

  #separator(char: string): void {
    this.#cursor.at++
    this.#finish()
    if (char !== ";" || !this.#inGroup) return
    this.#found.push({ name: null, route: null, mailbox: null, host: null })
    this.#inGroup = false
  }

  /** group = display-name ":" [group-list] ";" — within a group a colon is noise. */
  #colon(): void {
    this.#cursor.at++
    if (this.#inGroup) return
    this.#found.push({ name: null, route: null, mailbox: this.#draft.phrase, host: null })
    this.#inGroup = true
    this.#draft = emptyDraft()
  }

  #at(spaced: boolean): void {
    const draft = this.#draft
    this.#cursor.at++
    draft.seen = true
    draft.dotted = false
    draft.phrase += spaced && draft.phrase !== "" ? " @" : "@"
    if (draft.domain === null) draft.domain = ""
    else if (draft.domain !== "") {
      draft.local += `@${draft.domain}`
      draft.domain = ""
    }
  }

  #word(spaced: boolean): void {
    const cursor = this.#cursor
    const draft = this.#draft
    const open = cursor.text.charAt(cursor.at)
    const word = open === '"' ? quotedString(cursor) : open === "[" ? domainLiteral(cursor) : atom(cursor)
    draft.seen = true
    addToSpec(draft, word, spaced)
    draft.phrase += spaced && draft.phrase !== "" ? ` ${word}` : word
  }

  #angle(): void {
    this.#cursor.at++
    const angle = angleAddress(this.#cursor)
    this.#draft.seen = true
    this.#draft.angle ??= angle
  }

  #finish(): void {
    const draft = this.#draft
    this.#draft = emptyDraft()
    if (draft.seen) this.#found.push(addressOf(draft))
  }
}

function emptyDraft(): Draft {
  return { phrase: "", before: "", local: "", domain: null, dotted: false, angle: null, comment: null, seen: false }
}

/** obs-local-part and obs-domain allow white space around dots only (RFC 5322 §4.4); elsewhere it parts words. */
function addToSpec(draft: Draft, word: ByteString, spaced: boolean): void {
  const apart = spaced && !draft.dotted && !word.startsWith(".")
  if (draft.domain !== null) {
    if (apart && draft.domain !== "") return
    draft.domain += word
  } else if (apart && draft.local !== "") {
    draft.before = draft.phrase
    draft.local = word
  } else draft.local += word
  draft.dotted = word.endsWith(".")
}

function addressOf(draft: Draft): Address {
  const comment = draft.comment === null ? null : trimWsp(draft.comment) || null
  if (draft.angle !== null) return { ...draft.angle, name: draft.phrase || comment }
  if (draft.domain !== null) return complete(draft.before || comment, null, draft.local, draft.domain)
  if (draft.before === "") return complete(comment, null, draft.local, "")
  return complete(draft.phrase, null, "", "")
}

function complete(name: ByteString | null, route: ByteString | null, local: ByteString, host: ByteString): Address {
  return { name, route, mailbox: local || missingMailbox, host: host || missingHost }
}

/** angle-addr = [CFWS] "<" [obs-route] addr-spec ">"; the cursor is behind "<". A comma ends one that is not closed. */
function angleAddress(cursor: Cursor): Address {
  skipCfws(cursor)
  const route = cursor.text[cursor.at] === "@" ? obsoleteRoute(cursor) : null
  let local = ""
  let domain: ByteString | null = null
  for (;;) {
    skipCfws(cursor)
    const char = cursor.text.charAt(cursor.at)
    if (char === "" || char === "," || char === ";") break
    if (char === ">") {
      cursor.at++
      break
    }
    if (char === "@") {
      cursor.at++
      if (domain !== null) local += `@${domain}`
      domain = ""
      continue
    }
    const word = char === '"' ? quotedString(cursor) : char === "[" ? domainLiteral(cursor) : atom(cursor)
    if (domain === null) local += word
    else domain += word
  }
  return complete(null, route, local, domain ?? "")
}

/** obs-route = obs-domain-list ":" — only if there is a colon before the address ends; else there is no route. */
function obsoleteRoute(cursor: Cursor): ByteString | null {
  const head = { text: cursor.text.slice(cursor.at, cursor.at + longestRoute), at: 0 }
  const route = takeUntil(head, ":>")
  if (head.text[head.at] !== ":") return null
  cursor.at += head.at + 1
  return route.replace(/[ \t]/g, "")
}

/** domain-literal = "[" *dtext "]", taken with its brackets. Without the closing one "[" is a character like others. */
function domainLiteral(cursor: Cursor): ByteString {
  const from = cursor.at
  cursor.at++
  const inside = takeUntil(cursor, "],;<> \t")
  if (cursor.text[cursor.at] === "]") cursor.at++
  return inside === "" && cursor.at === from + 1 ? "[" : cursor.text.slice(from, cursor.at)
}

/**
 * Everything up to white space or a special; a special that starts nothing is taken alone, so this always moves.
 * An encoded word is one (RFC 2047 §5 (3)), also one in which a sender left a comma or other special as it is.
 */
function atom(cursor: Cursor): ByteString {
  const encoded = encodedWordAt(cursor)
  if (encoded !== null) return encoded
  const word = takeUntil(cursor, '()<>@,;:"[ \t\r\n')
  if (word !== "") return word
  return cursor.text.charAt(cursor.at++)
}

const encodedWord = /=\?[^?\s]{1,80}\?[BbQq]\?[^?\s]{0,1000}\?=/y

function encodedWordAt(cursor: Cursor): ByteString | null {
  if (!cursor.text.startsWith("=?", cursor.at)) return null
  encodedWord.lastIndex = cursor.at
  const word = encodedWord.exec(cursor.text)?.[0] ?? null
  if (word !== null) cursor.at += word.length
  return word
}
