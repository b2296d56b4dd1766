import { appendCommands } from "./append.ts"
import type { Command } from "./ast.ts"
import { type Cursor, endOfCommand, type GrammarContext, space } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { fetchCommands } from "./fetch.ts"
import type { ArgumentParser } from "./grammar.ts"
import { commandName, tag } from "./head.ts"
import { listCommands } from "./list.ts"
import { mailboxCommands } from "./mailboxes.ts"
import { metadataCommands } from "./metadata.ts"
import { multiSearchCommands } from "./multi-search.ts"
import { notifyCommands } from "./notify.ts"
import { quotaCommands } from "./quota.ts"
import { searchCommands } from "./search.ts"
import { simpleCommands } from "./simple.ts"
import { sortCommands } from "./sort.ts"
import { storeCommands } from "./store.ts"
import { uidBatchesCommands } from "./uid-batches.ts"

/** Every command after login, by its name on the wire. A command is added in the file of its family. */
const commands: ReadonlyMap<string, ArgumentParser> = new Map(
  [
    quotaCommands,
    metadataCommands,
    simpleCommands,
    mailboxCommands,
    listCommands,
    appendCommands,
    searchCommands,
    sortCommands,
    uidBatchesCommands,
    multiSearchCommands,
    notifyCommands,
    fetchCommands,
    storeCommands,
  ].flatMap((family) => Object.entries(family)),
)

/** Names on the wire, "UID FETCH" among them. */
export const commandNames: readonly string[] = [...commands.keys()]

/**
 * command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF
 *
 * RFC 3501 §9. The octets are those of one whole command without the CRLF that ends it, as `CommandReader`
 * delivers them. In which state a command is allowed is not looked at here.
 *
 * @throws ParseError for anything else (the tag for its BAD is in `headOf`), BadCharset for SEARCH
 */
export function parseCommand(cursor: Cursor, context: GrammarContext): Command {
  const found = tag(cursor)
  space(cursor)
  const start = cursor.at
  const parser = commands.get(commandName(cursor))
  if (parser === undefined) throw new ParseError("known command", start)
  const body = parser(cursor, context)
  endOfCommand(cursor)
  return { tag: found, ...body }
}
