/** What a mailbox store should do, in the plainest words: no SQL, no files, everything in maps. */
export type ModelMessage = { flags: number; keywords: string[]; modseq: number; subject: string }
export type ModelMailbox = {
  messages: Map<number, ModelMessage>
  uidNext: number
  modseq: number
  /** `modseq` when the model began to look. */
  start: number
  gone: { uid: number; modseq: number }[]
}
export type ModelChange = {
  operation: "replace" | "add" | "remove"
  flags: number
  keywords: string[]
  unchangedSince: number | null
}

export class Model {
  mailboxes = new Map<string, ModelMailbox>()

  create(name: string): void {
    this.mailboxes.set(name, { messages: new Map(), uidNext: 1, modseq: 1, start: 1, gone: [] })
  }

  at(name: string): ModelMailbox {
    const mailbox = this.mailboxes.get(name)
    if (mailbox === undefined) throw new Error(`no ${name}`)
    return mailbox
  }

  add(name: string, message: Omit<ModelMessage, "modseq">, modseq = ++this.at(name).modseq): number {
    const mailbox = this.at(name)
    const uid = mailbox.uidNext++
    mailbox.messages.set(uid, { ...message, modseq })
    return uid
  }

  store(name: string, uids: number[], change: ModelChange): void {
    const mailbox = this.at(name)
    const chosen = uids.map((uid) => mailbox.messages.get(uid)).filter((message) => message !== undefined)
    const open = chosen.filter(({ modseq }) => change.unchangedSince === null || modseq <= change.unchangedSince)
    const changing = open.filter((message) => {
      const { flags, keywords } = changed(message, change)
      return flags !== message.flags || keywords.join() !== message.keywords.join()
    })
    if (changing.length > 0) mailbox.modseq++
    for (const message of changing) Object.assign(message, changed(message, change), { modseq: mailbox.modseq })
  }

  remove(name: string, uids: number[]): void {
    const mailbox = this.at(name)
    const present = uids.filter((uid) => mailbox.messages.has(uid))
    if (present.length === 0) return
    mailbox.modseq++
    for (const uid of present) {
      mailbox.messages.delete(uid)
      mailbox.gone.push({ uid, modseq: mailbox.modseq })
    }
  }

  expunge(name: string, only: number[] | null): void {
    const deleted = [...this.at(name).messages].filter(([, { flags }]) => (flags & 8) !== 0).map(([uid]) => uid)
    this.remove(
      name,
      deleted.filter((uid) => only?.includes(uid) ?? true),
    )
  }

  copy(from: string, uids: number[], to: string): number[] {
    const source = [...new Set(uids)].filter((uid) => this.at(from).messages.has(uid)).sort((a, b) => a - b)
    const copies = source.map((uid) => this.at(from).messages.get(uid)).filter((message) => message !== undefined)
    if (copies.length > 0) this.at(to).modseq++
    for (const message of copies) this.add(to, { ...message }, this.at(to).modseq)
    return source
  }
}

function changed(
  message: ModelMessage,
  { operation, flags, keywords }: ModelChange,
): { flags: number; keywords: string[] } {
  if (operation === "replace") return { flags, keywords: tidy(keywords) }
  if (operation === "add") return { flags: message.flags | flags, keywords: tidy([...message.keywords, ...keywords]) }
  return { flags: message.flags & ~flags, keywords: message.keywords.filter((keyword) => !keywords.includes(keyword)) }
}

function tidy(keywords: string[]): string[] {
  return [...new Set(keywords)].sort()
}
