import { changed, type Flags, has, type Operation } from "./flags.ts"

/*
 * What one account holds: the mailboxes and their messages. Plain data, so that two states can be compared, and a
 * state copied, when commands ran at the same time and more than one order of them is possible.
 */

export type Message = {
  uid: number
  flags: Flags
  modseq: number
  /** Which of the letters it is; a copy has the same. */
  letter: number
}

export type Mailbox = {
  /** Stays through RENAME. */
  id: number
  name: string
  /** False for a name that only holds others (\Noselect). */
  selectable: boolean
  /** Null until the server said it, or after a RENAME that may have changed it. */
  validity: number | null
  /** What it was before such a RENAME, if it need not have changed. */
  validityBefore: number | null
  uidNext: number
  /**
   * HIGHESTMODSEQ. RFC 7162 only wants mod-sequences to grow; the model knows that each change of a mailbox takes
   * the next number, so that one that is taken for nothing, or not taken, shows.
   */
  modseq: number
  /** What it was when the game began: of what happened before, the model knows nothing. */
  firstModseq: number
  /** From here on no session was told that a message is \Recent. */
  recentFrom: number
  messages: Message[]
  gone: { uid: number; modseq: number }[]
}

export type Account = {
  mailboxes: Mailbox[]
  nextId: number
  /** UIDVALIDITY that a name had; null when it was never said. */
  past: Record<string, number | null>
}

/** HIGHESTMODSEQ of an empty mailbox; it may not be 0 (RFC 7162 §3.1.1). */
const firstModseq = 1

export function find(account: Account, name: string): Mailbox | undefined {
  return account.mailboxes.find((mailbox) => mailbox.name === name)
}

/** A mailbox that can hold messages. */
export function holding(account: Account, name: string): Mailbox | undefined {
  const found = find(account, name)
  return found?.selectable === true ? found : undefined
}

export function withId(account: Account, id: number): Mailbox | undefined {
  return account.mailboxes.find((mailbox) => mailbox.id === id)
}

export function message(mailbox: Mailbox, uid: number): Message | undefined {
  return mailbox.messages.find((each) => each.uid === uid)
}

/** The server named a UIDVALIDITY: the first time it is learned, later it must be the same (RFC 3501 §2.3.1.1). */
export function validityIs(account: Account, mailbox: Mailbox, value: number): boolean {
  if (mailbox.validity !== null) return mailbox.validity === value
  if (value !== mailbox.validityBefore && value <= (account.past[mailbox.name] ?? 0)) return false
  Object.assign(mailbox, { validity: value, validityBefore: null })
  return true
}

function nextModseq(mailbox: Mailbox): number {
  mailbox.modseq += 1
  return mailbox.modseq
}

export type New = { flags: Flags; letter: number }

/** APPEND, and the arriving half of COPY, MOVE and REPLACE. @returns the UIDs given */
export function add(mailbox: Mailbox, arrivals: readonly New[], modseqs: "one" | "each"): number[] {
  let modseq = 0
  return arrivals.map(({ flags, letter }) => {
    if (modseq === 0 || modseqs === "each") modseq = nextModseq(mailbox)
    const uid = mailbox.uidNext
    mailbox.uidNext += 1
    mailbox.messages.push({ uid, flags, modseq, letter })
    return uid
  })
}

export type Change = { operation: Operation; flags: readonly string[]; unchangedSince: number | null }
export type Outcome = { changed: number[]; unchanged: number[]; conflicted: number[] }

/** STORE, with UNCHANGEDSINCE (RFC 7162 §3.1.3). UIDs that are gone are passed over. */
export function store(mailbox: Mailbox, uids: readonly number[], change: Change): Outcome {
  const outcome: Outcome = { changed: [], unchanged: [], conflicted: [] }
  let modseq = 0
  for (const uid of uids) {
    const found = message(mailbox, uid)
    if (found === undefined) continue
    const after = changed(found.flags, change.operation, change.flags)
    if (change.unchangedSince !== null && found.modseq > change.unchangedSince) outcome.conflicted.push(uid)
    else if (after === found.flags) outcome.unchanged.push(uid)
    else {
      if (modseq === 0) modseq = nextModseq(mailbox)
      found.flags = after
      found.modseq = modseq
      outcome.changed.push(uid)
    }
  }
  return outcome
}

/** EXPUNGE: what has \Deleted, of these UIDs or of all. @returns whether there was one */
export function expunge(mailbox: Mailbox, uids: readonly number[] | null): boolean {
  const going = mailbox.messages.filter(
    ({ uid, flags }) => has(flags, "\\Deleted") && (uids === null || uids.includes(uid)),
  )
  return take(
    mailbox,
    going.map(({ uid }) => uid),
  )
}

function take(mailbox: Mailbox, uids: readonly number[]): boolean {
  if (uids.length === 0) return false
  const modseq = nextModseq(mailbox)
  mailbox.messages = mailbox.messages.filter(({ uid }) => !uids.includes(uid))
  for (const uid of uids) mailbox.gone.push({ uid, modseq })
  return true
}

export type Pairs = { source: number[]; target: number[] }

/** COPY, or MOVE with `leaves` (RFC 6851 §3.3): UIDs that are gone are passed over. */
export function copy(from: Mailbox, uids: readonly number[], to: Mailbox, leaves: boolean): Pairs {
  const originals = from.messages.filter(({ uid }) => uids.includes(uid))
  const source = originals.map(({ uid }) => uid)
  const target = add(
    to,
    originals.map(({ flags, letter }) => ({ flags, letter })),
    "one",
  )
  if (leaves) take(from, source)
  return { source, target }
}

/** RFC 8508 §3.4: as +FLAGS \Deleted and UID EXPUNGE, then APPEND. @returns the new UID */
export function replace(from: Mailbox, uid: number, to: Mailbox, arrival: New): number[] {
  store(from, [uid], { operation: "+", flags: ["\\Deleted"], unchangedSince: null })
  take(from, [uid])
  return add(to, [arrival], "each")
}

export type Refusal = { status: "NO"; code: string }

/** RFC 3501 §6.3.3: missing superior names are made too. */
export function create(account: Account, name: string): Refusal | null {
  const present = find(account, name)
  if (present?.selectable === true) return { status: "NO", code: "ALREADYEXISTS" }
  if (present !== undefined) forget(account, present)
  makeSuperiors(account, name)
  make(account, name, true)
  return null
}

export function make(account: Account, name: string, selectable: boolean): Mailbox {
  const made: Mailbox = {
    id: account.nextId,
    name,
    selectable,
    validity: null,
    validityBefore: null,
    uidNext: 1,
    modseq: firstModseq,
    firstModseq,
    recentFrom: 1,
    messages: [],
    gone: [],
  }
  account.nextId += 1
  account.mailboxes.push(made)
  return made
}

function makeSuperiors(account: Account, name: string): void {
  const levels = name.split("/")
  for (let depth = 1; depth < levels.length; depth += 1) {
    const above = levels.slice(0, depth).join("/")
    if (find(account, above) === undefined) make(account, above, false)
  }
}

/** A later mailbox of this name must have a higher UIDVALIDITY. */
function forget(account: Account, mailbox: Mailbox): void {
  account.past[mailbox.name] = mailbox.validity
  account.mailboxes = account.mailboxes.filter((each) => each !== mailbox)
}

function below(account: Account, name: string): Mailbox[] {
  return account.mailboxes.filter((each) => each.name.startsWith(`${name}/`))
}

/** RFC 3501 §6.3.4: with names below it the messages go and the name stays. */
export function remove(account: Account, name: string): Refusal | null {
  const mailbox = find(account, name)
  if (mailbox === undefined) return { status: "NO", code: "NONEXISTENT" }
  if (name === "INBOX") return { status: "NO", code: "CANNOT" }
  const parent = below(account, name).length > 0
  if (parent && !mailbox.selectable) return { status: "NO", code: "HASCHILDREN" }
  forget(account, mailbox)
  if (parent) make(account, name, false)
  return null
}

/** RFC 3501 §6.3.5; of INBOX, the messages move away. */
export function rename(account: Account, from: string, to: string): Refusal | null {
  const mailbox = find(account, from)
  if (mailbox === undefined) return { status: "NO", code: "NONEXISTENT" }
  if (find(account, to) !== undefined) return { status: "NO", code: "ALREADYEXISTS" }
  if (to.startsWith(`${from}/`) && from !== "INBOX") return { status: "NO", code: "CANNOT" }
  makeSuperiors(account, to)
  if (from === "INBOX") {
    const uids = mailbox.messages.map(({ uid }) => uid)
    copy(mailbox, uids, make(account, to, true), true)
    return null
  }
  for (const each of [mailbox, ...below(account, from)]) callIt(account, each, to + each.name.slice(from.length))
  return null
}

/**
 * UIDVALIDITY stays, unless the new name once had a higher one (RFC 3501 §2.3.1.1); of some names the server never
 * said which they had.
 */
function callIt(account: Account, mailbox: Mailbox, name: string): void {
  account.past[mailbox.name] = mailbox.validity
  mailbox.name = name
  const past = account.past[name]
  const known = mailbox.validity ?? mailbox.validityBefore
  if (past === undefined || (typeof past === "number" && known !== null && past <= known)) return
  Object.assign(mailbox, { validity: null, validityBefore: past === null ? known : null })
}
