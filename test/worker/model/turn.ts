import { type Flags, flagsOf, has, namesIn } from "./flags.ts"
import { type Account, type Mailbox, withId } from "./truth.ts"
import {
  type Client,
  emptyNews,
  isNothing,
  type News,
  newsOf,
  pull,
  recentIn,
  type Scene,
  strike,
  told,
  untold,
  type View,
} from "./view.ts"
import { type Line, words } from "./wire.ts"

/** What was said cannot have been said. */
export class Mismatch extends Error {}

/** The server said BYE, because the selected mailbox is no more; it need not finish the command. */
export class Parted extends Error {}

/** What the server said to one connection, read from the front. */
export class Lines {
  readonly #lines: readonly Line[]
  at = 0

  constructor(lines: readonly Line[]) {
    this.#lines = lines
  }

  get next(): Line | undefined {
    return this.#lines[this.at]
  }

  get left(): number {
    return this.#lines.length - this.at
  }
}

/** Between two steps other connections may do something. */
export type Steps<T = void> = Generator<void, T, void>

type Kind<K extends Line["kind"]> = Extract<Line, { kind: K }>

/** One command of one client: what it may be told, and whether it is. */
export class Turn {
  readonly scene: Scene
  readonly who: number
  readonly tag: string
  readonly lines: Lines

  constructor(scene: Scene, who: number, tag: string, lines: Lines) {
    this.scene = scene
    this.who = who
    this.tag = tag
    this.lines = lines
  }

  get account(): Account {
    return this.scene.account
  }

  get client(): Client {
    const client = this.scene.clients[this.who]
    if (client === undefined) throw new Error("no such client")
    return client
  }

  get view(): View {
    const { view } = this.client
    if (view === null) throw new Error("the model forgot that nothing is selected")
    return view
  }

  /** Undefined when another session deleted it. */
  get box(): Mailbox | undefined {
    return withId(this.account, this.view.mailbox)
  }

  /** UIDs are told instead of numbers (RFC 7162 §3.2.10, RFC 9586 §3). */
  get vanishes(): boolean {
    return this.client.qresync || this.client.uidOnly
  }

  fail(text: string): never {
    const { next } = this.lines
    throw new Mismatch(
      `client ${this.who + 1}: ${text}; ${next === undefined ? "nothing more is said" : `next is "${next.text}"`}`,
    )
  }

  check(holds: boolean, text: string): void {
    if (!holds) this.fail(text)
  }

  take<K extends Line["kind"]>(kind: K, what: string = kind): Kind<K> {
    const { next } = this.lines
    if (next?.kind !== kind) this.fail(`${what} is expected`)
    this.lines.at += 1
    return next as Kind<K>
  }

  takeCode(code: string): string {
    const { next } = this.lines
    if (next?.kind !== "code" || next.code !== code) this.fail(`OK [${code}] is expected`)
    this.lines.at += 1
    return next.value
  }

  /** Whether EXPUNGE may come with this command is for the caller to know (RFC 3501 §7.4.1). */
  *tell(expunges: boolean, uid = false): Steps {
    yield
    this.hear(this.client.view === null ? emptyNews() : pull(this.account, this.view, expunges), uid)
  }

  /** At least once before the tagged answer, and again while more is said. */
  *tellAll(expunges: boolean, uid = false): Steps {
    yield* this.tell(expunges, uid)
    yield* this.tellOn(expunges, uid)
  }

  /** As long as more is said: each time there must have been something to say. */
  *tellOn(expunges: boolean, uid = false): Steps {
    while (this.lines.next !== undefined && this.lines.next.kind !== "tagged") {
      const { left } = this.lines
      yield* this.tell(expunges, uid)
      this.check(this.lines.left < left, "there is nothing to tell")
    }
  }

  /** Everything that happened must now be said, once, in any order that keeps numbers right. */
  hear(news: News | null, uid: boolean): void {
    if (news === null) this.part()
    const open: Open = {
      gone: new Set(news.gone),
      arrived: news.arrived,
      recent: false,
      changed: new Map(news.changed.map((each) => [each.uid, each])),
    }
    while (this.lines.next !== undefined && this.#isNews(this.lines.next, open, uid)) this.lines.at += 1
    this.check(open.gone.size === 0, `UIDs ${[...open.gone].join()} are gone, which was to be told`)
    this.check(open.arrived.length === 0, `${open.arrived.length} messages came, which was to be told`)
    this.check(!open.recent, "RECENT is expected")
    for (const { uid: each, required } of open.changed.values())
      this.check(!required, `UID ${each} changed, which was to be told`)
  }

  part(): never {
    this.take("bye")
    Object.assign(this.client, { closed: true, view: null })
    throw new Parted()
  }

  #isNews(line: Line, open: Open, uid: boolean): boolean {
    if (this.client.view === null) return false
    switch (line.kind) {
      case "expunge":
        return !this.vanishes && this.#strike(open, this.view.messages[line.number - 1]?.uid)
      case "vanished":
        return this.vanishes && !line.earlier && line.uids.every((each) => this.#strike(open, each))
      case "exists":
        return this.#arrive(open, line.number)
      case "recent":
        this.check(open.recent && line.number === recentIn(this.view), "RECENT is wrong")
        open.recent = false
        return true
      case "fetch":
        return this.#isChange(line, open, uid)
      case "flags":
        this.flagNames(line.flags)
        return true
      case "code":
        return this.#isState(line.code, line.value)
      default:
        return false
    }
  }

  #strike(open: Open, uid: number | undefined): boolean {
    if (uid === undefined || !open.gone.delete(uid)) return false
    // RFC 3501 §7.3.2: the size changes, so RECENT is told when its number does.
    if (!this.client.rev2 && this.view.recent.includes(uid)) open.recent = true
    strike(this.view, uid)
    return true
  }

  #arrive(open: Open, count: number): boolean {
    const { messages } = this.view
    if (open.arrived.length === 0) return false
    this.check(count === messages.length + open.arrived.length, "the number of EXISTS is wrong")
    for (const uid of open.arrived) {
      const modseq = this.box?.messages.find((each) => each.uid === uid)?.modseq ?? 0
      messages.push({ uid, told: modseq, seen: modseq, flags: null })
    }
    open.arrived = []
    open.recent = !this.client.rev2
    return true
  }

  #isChange(line: Kind<"fetch">, open: Open, uid: boolean): boolean {
    const at = this.uidOf(line)
    const change = open.changed.get(at)
    if (change === undefined) return false
    open.changed.delete(at)
    this.unasked(line, change, uid)
    return true
  }

  #isState(code: string, value: string): boolean {
    if (code === "PERMANENTFLAGS") {
      this.permanentFlags(words(value.replace(/[()]/g, "")))
      return true
    }
    if (code !== "HIGHESTMODSEQ") return false
    this.highest(Number(value))
    return true
  }

  /** FETCH that was not asked for: RFC 7162 §3.2.4 wants UID and MODSEQ after CONDSTORE, RFC 9051 §7.5.2 UID. */
  unasked(
    line: Kind<"fetch">,
    { uid, flags, modseq }: { uid: number; flags: Flags; modseq: number },
    byUid: boolean,
  ): void {
    const { condstore, rev2, uidOnly } = this.client
    this.check(line.items.has("FLAGS"), "FLAGS is expected")
    this.check(uidOnly || !(condstore || rev2 || byUid) || line.items.has("UID"), "UID is expected")
    this.check(line.items.has("MODSEQ") === condstore, "MODSEQ is for clients that know it")
    this.attributes(line, { uid, flags, modseq })
    this.know(uid, modseq, flags)
  }

  /** UID, FLAGS and MODSEQ of a FETCH, as far as they are there, are right. */
  attributes(line: Kind<"fetch">, { uid, flags, modseq }: { uid: number; flags: Flags; modseq: number }): void {
    const [givenUid, givenFlags, givenModseq] = ["UID", "FLAGS", "MODSEQ"].map((name) => line.items.get(name))
    this.check(givenUid === undefined || Number(givenUid) === uid, `UID is ${uid}`)
    if (givenFlags !== undefined) {
      const recent = !this.client.rev2 && this.view.recent.includes(uid)
      this.check(flagsOf(words(givenFlags)) === flags, `FLAGS are (${flags})`)
      this.check(words(givenFlags).includes("\\Recent") === recent, `\\Recent is ${recent}`)
    }
    if (givenModseq === undefined) return
    this.check(Number(givenModseq) === modseq, `MODSEQ is ${modseq}`)
    this.client.fetched = Math.max(this.client.fetched, modseq)
  }

  /** The client was told of this change, or made it. */
  know(uid: number, modseq: number, flags: Flags | null): void {
    const entry = told(this.view, uid)
    if (entry === undefined) return
    entry.told = Math.max(entry.told, modseq)
    entry.seen = Math.max(entry.seen, modseq)
    entry.flags = flags
  }

  /** The UID of the message that a FETCH is about. */
  uidOf({ number, uid }: Kind<"fetch">): number {
    this.check((number === null) === this.client.uidOnly, "numbers or UIDs, as the client wants it")
    const found = number === null ? told(this.view, uid ?? 0) : this.view.messages[number - 1]
    if (found === undefined) this.fail("this client knows no such message")
    return found.uid
  }

  /** FLAGS lists every flag that a message of the mailbox has. */
  flagNames(names: readonly string[]): void {
    const listed = flagsOf(names)
    const used = new Set(this.box?.messages.flatMap(({ flags }) => namesIn(flags)))
    this.check(
      [...used].every((flag) => has(listed, flag)),
      "FLAGS leaves out what is there",
    )
  }

  /** RFC 3501 §7.1 */
  permanentFlags(names: readonly string[]): void {
    if (this.view.readOnly) this.check(names.length === 0, "nothing can be changed after EXAMINE")
    else this.check(names.includes("\\*") && names.includes("\\Deleted"), "PERMANENTFLAGS")
  }

  /** RFC 7162 §6: the client will resynchronise from here, so all that happened up to here must have been told. */
  highest(modseq: number): void {
    this.check(this.isSafe(modseq), "HIGHESTMODSEQ promises what was not told")
    this.client.said = modseq
  }

  isSafe(modseq: number): boolean {
    const { box, view } = this
    const waiting = box === undefined ? [] : untold(box, view)
    return modseq <= view.synced && waiting.every((each) => each > modseq)
  }

  /** RFC 7162 §3.1: the first CONDSTORE enabling command with a mailbox selected is answered with HIGHESTMODSEQ. */
  enableCondstore(): void {
    if (this.client.condstore) return
    this.client.condstore = true
    if (this.client.view !== null) this.highest(Number(this.takeCode("HIGHESTMODSEQ")))
  }

  /** The tagged answer, and what it means for a client that keeps a copy of HIGHESTMODSEQ. */
  end(status: string, code: string | readonly string[] = ""): string {
    const line = this.take("tagged", `${status} ${code}`)
    const codes = typeof code === "string" ? [code] : code
    const right = line.tag === this.tag && line.status === status && codes.includes(line.code)
    if (!right) {
      this.lines.at -= 1
      this.fail(`${this.tag} ${status} [${codes.join(" or ")}] is expected`)
    }
    if (line.code === "HIGHESTMODSEQ") this.highest(Number(line.value))
    this.#synchronise()
    return line.value
  }

  /** RFC 7162 §6, second paragraph. */
  #synchronise(): void {
    const { client } = this
    client.highest = client.said ?? Math.max(client.highest, client.fetched)
    Object.assign(client, { said: null, fetched: 0 })
    // Without QRESYNC a client hears of expunges by comparing UIDs, and loses none by this number.
    if (client.view === null || !client.qresync || this.box === undefined) return
    this.check(
      this.isSafe(client.highest),
      `after this the client resynchronises from ${client.highest} and misses a change`,
    )
  }

  /** The answer to what is refused; a refused literal is answered before anything else is told. */
  *refused(status: string, code: string | readonly string[], expunges: boolean, uid = false): Steps {
    yield* this.tellAll(expunges, uid)
    this.end(status, code)
  }

  /** Whether this client has nothing to be told any more. */
  get isCurrent(): boolean {
    const { view } = this.client
    return view === null || isNothing(newsOf(this.account, view, true))
  }
}

type Open = { gone: Set<number>; arrived: number[]; recent: boolean; changed: Map<number, News["changed"][number]> }
