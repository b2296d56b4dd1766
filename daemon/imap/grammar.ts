import type { CommandBody } from "./ast.ts"
import type { Cursor, GrammarContext } from "./cursor.ts"

/** Reads what follows the name of a command, up to the end of the command. @throws ParseError, BadCharset */
export type ArgumentParser = (cursor: Cursor, context: GrammarContext) => CommandBody

/** The commands of one family, by their names on the wire ("FETCH", "UID FETCH"). */
export type CommandFamily = Readonly<Record<string, ArgumentParser>>
