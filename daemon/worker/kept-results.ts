import type { Members } from "./context-members.ts"

/** The results of a user's searches that are kept up to date, of all connections: what they take together is limited. */
export class KeptResults {
  readonly #results = new Set<Members>()

  /** False when there would be more than `most` octets. What is kept already grows with its mailbox. */
  keep(members: Members, most: number): boolean {
    let octets = members.octets
    for (const each of this.#results) octets += each.octets
    if (octets > most) return false
    this.#results.add(members)
    return true
  }

  forget(members: Members): void {
    this.#results.delete(members)
  }
}
