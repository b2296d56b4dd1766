/**
 * What a client knows of a search that the server keeps up to date (RFC 5267 §4.3): EXPUNGE moves its numbers, and
 * ESEARCH with its tag says what came and went.
 */
export abstract class KeptResults {
  readonly #prefix: string
  readonly #byUid: boolean

  constructor(tag: string, byUid: boolean) {
    this.#prefix = `* ESEARCH (TAG "${tag}")${byUid ? " UID" : ""} `
    this.#byUid = byUid
  }

  hear(line: string): void {
    const expunged = /^\* (\d+) EXPUNGE$/.exec(line)?.[1]
    if (expunged !== undefined && !this.#byUid) this.shift(Number(expunged))
    if (line.startsWith(this.#prefix)) this.take(line)
  }

  /** The number must have been taken out before, and those above it go down. */
  protected abstract shift(expunged: number): void
  protected abstract take(line: string): void
}

/** All numbers of a set such as `1:3,7`. */
export function numbersIn(set: string): number[] {
  return set.split(",").flatMap((range) => {
    const [from = 0, to = from] = range.split(":").map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
}
