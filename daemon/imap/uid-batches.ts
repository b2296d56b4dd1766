import type { CommandBody } from "./ast.ts"
import { COLON, type Cursor, expectByte, SP, space, tryByte } from "./cursor.ts"
import type { CommandFamily } from "./grammar.ts"
import { nzNumber } from "./numbers.ts"

export const uidBatchesCommands: CommandFamily = { UIDBATCHES: uidBatches }

/**
 * uidbatches  = "UIDBATCHES" SP batch-size [SP batch-range]
 * batch-size  = nz-number
 * batch-range = nz-number ":" nz-number
 *
 * RFC 10022 §4. Whether the range goes up is the handler's to check.
 */
function uidBatches(cursor: Cursor): CommandBody {
  space(cursor)
  const size = nzNumber(cursor)
  return { name: "UIDBATCHES", size, batches: tryByte(cursor, SP) ? batchRange(cursor) : null }
}

function batchRange(cursor: Cursor): [first: number, last: number] {
  const first = nzNumber(cursor)
  expectByte(cursor, COLON, ":")
  return [first, nzNumber(cursor)]
}
