import { type Cache, strangerTo } from "./cache.ts"
import type { Command, CommandNamed, Key } from "./command.ts"
import type { KeyMove, Move, SetMove } from "./moves.ts"
import { find, type Mailbox, withId } from "./truth.ts"
import type { Client, NumberSet, Scene } from "./view.ts"

/** Messages a mailbox may hold: few, so that the clients are often at the same one, and one batch to the server. */
const room = 14

/** What a client knows when it writes a command. */
export type Sight = {
  client: Client
  /** UIDs of the selected mailbox. */
  uids: number[]
  box: Mailbox | undefined
  /** What clients kept that have left since. */
  caches: readonly Cache[]
  /** How many messages this round brings, by the name of the mailbox. */
  arrivals: Map<string, number>
}

export function sightOf(
  { account }: Scene,
  client: Client,
  caches: readonly Cache[],
  arrivals: Sight["arrivals"],
): Sight {
  const box = client.view === null ? undefined : withId(account, client.view.mailbox)
  return { client, uids: client.view?.messages.map(({ uid }) => uid) ?? [], box, caches, arrivals }
}

type MoveTo<D extends Move["do"], M = Move> = M extends { do: infer E } ? (D extends E ? M : never) : never

/** The command that a move means. SELECT changes what the commands behind it can see. */
export function resolve(given: Move, { account }: Scene, sight: Sight): Command {
  const move = sight.client.uidOnly ? byUid(given) : given
  switch (move.do) {
    case "ENABLE":
      return { name: move.do, extensions: move.extensions }
    case "SELECT":
    case "EXAMINE":
      return selectOf(move, account, sight)
    case "CREATE":
    case "DELETE":
      return { name: move.do, mailbox: move.mailbox }
    case "RENAME":
      return { name: move.do, mailbox: move.mailbox, to: move.to }
    case "STATUS":
      return { name: move.do, mailbox: move.mailbox, items: move.items }
    case "APPEND": {
      const { mailbox, messages } = move
      return fits(account, sight, mailbox, messages.length) ? { name: move.do, mailbox, messages } : clearing
    }
    case "REPLACE":
      return fits(account, sight, move.mailbox, 1) ? replaceOf(move, sight) : clearing
    case "STORE": {
      const { uid, operation, silent, flags } = move
      const unchangedSince = move.moment === null ? null : momentOf(move.moment, sight)
      return { name: move.do, uid, set: setOf(move.set, sight, uid), operation, silent, flags, unchangedSince }
    }
    case "FETCH":
      return fetchOf(move, sight)
    case "SEARCH":
    case "SORT":
      return { name: move.do, uid: move.uid, returns: move.returns, key: keyOf(move.key, sight) }
    case "COPY":
    case "MOVE": {
      const { uid, mailbox } = move
      if (!fits(account, sight, mailbox, sight.uids.length)) return clearing
      return { name: move.do, uid, set: setOf(move.set, sight, uid), mailbox }
    }
    case "UID EXPUNGE":
      return { name: move.do, set: setOf(move.set, sight, true) }
    default:
      return { name: move.do }
  }
}

/** A client with UIDONLY knows mostly what it may say. */
function byUid(move: Move): Move {
  if (!("uid" in move)) return move
  return { ...move, uid: move.uid || !("set" in move) || move.set.b > 1 }
}

/** Played instead of what would make a mailbox too full. */
const clearing: Command = {
  name: "STORE",
  uid: true,
  set: [[1, Infinity]],
  operation: "+",
  silent: true,
  flags: ["\\Deleted"],
  unchangedSince: null,
}

function fits(account: Scene["account"], { arrivals }: Sight, name: string, count: number): boolean {
  const coming = (arrivals.get(name) ?? 0) + count
  if ((find(account, name)?.messages.length ?? 0) + coming > room) return false
  arrivals.set(name, coming)
  return true
}

function selectOf(move: MoveTo<"SELECT" | "EXAMINE">, account: Scene["account"], sight: Sight): Command {
  const { client, caches } = sight
  const cache = client.qresync && move.cache !== null ? caches[move.cache % caches.length] : undefined
  const kept = cache === undefined ? undefined : withId(account, cache.mailbox)
  // Of what is not there, less is to be seen.
  const wanted = find(account, move.mailbox) !== undefined || move.known ? move.mailbox : "INBOX"
  const mailbox = kept?.name ?? wanted
  sight.box = find(account, mailbox)
  sight.uids = sight.box?.messages.map(({ uid }) => uid) ?? []
  // RFC 9586 §3: match data are message numbers.
  const resync = cache === undefined ? null : { cache, known: move.known, match: move.match && !client.uidOnly }
  return { name: move.do, mailbox, condstore: move.condstore && move.match, resync }
}

function replaceOf(move: MoveTo<"REPLACE">, sight: Sight): Command {
  const form = move.set.form === "beyond" ? "beyond" : "one"
  const set = setOf({ ...move.set, form }, sight, move.uid)
  const number = set === "$" ? 1 : (set[0]?.[0] ?? 1)
  return { name: "REPLACE", uid: move.uid, number, mailbox: move.mailbox, message: move.message }
}

/** VANISHED asks from what somebody kept of this mailbox, or from any moment. */
function fetchOf(move: MoveTo<"FETCH">, sight: Sight): CommandNamed<"FETCH"> {
  const { uid, items } = move
  const set = setOf(move.set, sight, uid)
  const since = move.moment === null ? null : Math.max(1, momentOf(move.moment, sight))
  if (
    since === null ||
    move.moment === null ||
    !move.vanished ||
    !uid ||
    !sight.client.qresync ||
    sight.box === undefined
  ) {
    return { name: "FETCH", uid, set, items, since, vanished: null }
  }
  const { id } = sight.box
  const kept = sight.caches.filter(({ mailbox }) => mailbox === id)
  const cache = kept[move.moment % kept.length]
  if (cache === undefined) return { name: "FETCH", uid, set, items, since, vanished: strangerTo(sight.box, since) }
  return { name: "FETCH", uid, set: [[1, Infinity]], items: ["FLAGS"], since: cache.modseq, vanished: cache }
}

/** A mod-sequence that the mailbox has seen. */
function momentOf(moment: number, { box }: Sight): number {
  if (box === undefined) return moment
  return box.modseq - (moment % (box.modseq - box.firstModseq + 1))
}

function keyOf(key: KeyMove, sight: Sight): Key {
  switch (key.key) {
    case "set": {
      const uid = key.uid || (sight.client.uidOnly && key.set.b > 0)
      return { key: "set", uid, set: setOf(key.set, sight, uid) }
    }
    case "modseq":
      return { key: "modseq", from: momentOf(key.moment, sight) }
    case "not":
      return { key: "not", not: keyOf(key.not, sight) }
    case "or":
    case "and":
      return { key: key.key, left: keyOf(key.left, sight), right: keyOf(key.right, sight) }
    case "recent":
    case "old":
    case "new":
      // RFC 9051 appendix E: they are no more.
      return sight.client.rev2 ? { key: "all" } : key
    default:
      return key
  }
}

function setOf({ form, a, b }: SetMove, { uids, client }: Sight, uid: boolean): NumberSet {
  const number = (index: number) =>
    uid ? (uids[index % uids.length] ?? index + 1) : (index % Math.max(1, uids.length)) + 1
  const beyond = uid ? (uids.at(-1) ?? 0) + 1 + a : uids.length + 1
  switch (form) {
    case "$":
      return "$"
    case "one":
      return [[number(a), number(a)]]
    case "range":
      return [[number(a), number(b)]]
    case "two":
      // What was saved is forgotten soon, so it is used while it is there.
      if ((client.view?.saved.length ?? 0) > 0) return "$"
      return [
        [number(a), number(a)],
        [number(b), number(b)],
      ]
    case "from":
      return [[number(a), Infinity]]
    case "last":
      return [[Infinity, Infinity]]
    case "beyond":
      return [[beyond, beyond]]
    case "all":
      return [[1, Infinity]]
  }
}
