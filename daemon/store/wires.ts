import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"

/** What is told of a message as it is stored: ENVELOPE, BODY and BODYSTRUCTURE, and the fields that clients list. */
export type Wire = "envelope" | "body" | "bodyStructure" | "listedFields"

const columns: Record<Wire, { table: string; id: string; column: string }> = {
  envelope: { table: "content", id: "id", column: "envelope" },
  body: { table: "structure", id: "content", column: "body" },
  bodyStructure: { table: "structure", id: "content", column: "body_structure" },
  listedFields: { table: "listed", id: "content", column: "fields" },
}

/** Longer ones are read one by one, so that what is read ahead is bounded. The engine tells a length without reading. */
const mostOctets = 4_096

/** Reads these of many contents with one statement: asked for one by one, most of the time goes into asking. */
export class Wires {
  readonly #queries: Record<Wire, Query<[ids: string], [id: number, wire: Uint8Array]>>

  constructor(connection: Connection) {
    const query = (wire: Wire): Query<[ids: string], [id: number, wire: Uint8Array]> => {
      const { table, id, column } = columns[wire]
      return connection.raw(
        `SELECT ${table}.${id}, ${column} FROM json_each(?) AS wanted CROSS JOIN ${table} ON ${table}.${id} = wanted.value
         WHERE length(${column}) <= ${mostOctets}`,
      )
    }
    this.#queries = {
      envelope: query("envelope"),
      body: query("body"),
      bodyStructure: query("bodyStructure"),
      listedFields: query("listedFields"),
    }
  }

  /** By content. What is missing in the answer is long, was never stored, or its content is gone. */
  of(wire: Wire, contents: readonly number[]): Map<number, Uint8Array> {
    return new Map(this.#queries[wire].all(JSON.stringify(contents)))
  }
}
