import assert from "node:assert/strict"
import type { CommandBody, FetchItem, ListCommand, Resync } from "../../daemon/imap/ast.ts"
import { defaultContext } from "../../daemon/imap/cursor.ts"
import { parseCommand } from "../../daemon/imap/parse.ts"
import { cursorOf } from "./cursor-of.ts"

export const all = Number.POSITIVE_INFINITY
export const set = (...ranges: [number, number][]) => ({ kind: "ranges" as const, ranges })
export const noSelection = { subscribed: false, specialUse: false, remote: false, recursiveMatch: false }
export const noReturns = { subscribed: false, children: false, specialUse: false, status: null, metadata: null }

export function parse(line: string, context = defaultContext): CommandBody {
  const { tag, ...body } = parseCommand(cursorOf(`a1 ${line}`), context)
  assert.equal(tag, "a1")
  return body
}

export function list(changes: Partial<ListCommand>): CommandBody {
  const plain = { extended: false, selection: noSelection, reference: "", patterns: ["*"], returns: noReturns }
  return { name: "LIST", list: { ...plain, ...changes } }
}

export function fetch(items: FetchItem[], more: Partial<Extract<CommandBody, { name: "FETCH" }>> = {}): CommandBody {
  return { name: "FETCH", uid: false, set: set([1, 1]), items, changedSince: null, vanished: false, ...more }
}

export function bodySection(section: Extract<FetchItem, { item: "BODY[]" }>["section"], peek = false): FetchItem {
  return { item: "BODY[]", peek, section, partial: null }
}

export function getMetadata(changes: Partial<Extract<CommandBody, { name: "GETMETADATA" }>>): CommandBody {
  return { name: "GETMETADATA", mailbox: "INBOX", options: { maxSize: null, depth: 0 }, entries: [], ...changes }
}

export function resyncOf(changes: Partial<Resync>): CommandBody {
  const qresync = { uidValidity: 1, modseq: 2, knownUids: null, match: null, ...changes }
  return { name: "SELECT", mailbox: "INBOX", parameters: { condstore: false, qresync } }
}
