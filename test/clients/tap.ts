import { connect, createServer } from "node:net"
import type { TestContext } from "node:test"

/** What went over one connection, in the order in which it was seen, line by line. */
export type Line = { from: "client" | "server"; text: string }

/**
 * Stands between a client and mailkeep's port without TLS, and keeps what both say: the only witness of which
 * extensions a client really used that does not depend on the client's own log.
 */
export class Tap {
  readonly lines: Line[] = []
  readonly port: number

  private constructor(port: number) {
    this.port = port
  }

  static async open(t: Pick<TestContext, "after">, behind: number): Promise<Tap> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const tap = new Tap((server.address() as { port: number }).port)
    server.on("connection", (client) => {
      const far = connect(behind, "127.0.0.1")
      for (const [from, to, name] of [[client, far, "client"] as const, [far, client, "server"] as const]) {
        const take = tap.#reader(name)
        from.on("data", (chunk: Buffer) => {
          take(chunk)
          to.write(chunk)
        })
        from.on("end", () => to.end())
        from.on("error", () => to.destroy())
        from.on("close", () => to.destroy())
      }
    })
    t.after(() => server.close())
    return tap
  }

  /** Lines of one side that match. */
  said(from: Line["from"], pattern: RegExp): string[] {
    return this.lines.filter((line) => line.from === from && pattern.test(line.text)).map(({ text }) => text)
  }

  /** Tagged answers that are not OK. */
  get refusals(): string[] {
    return this.said("server", /^\S+ (NO|BAD) /)
  }

  /** Forgets what was said until now. */
  clear(): void {
    this.lines.length = 0
  }

  /** Cuts one direction into lines; the octets of literals belong to no line. */
  #reader(from: Line["from"]): (chunk: Buffer) => void {
    let open = ""
    let literal = 0
    return (chunk) => {
      open += chunk.toString("latin1")
      for (;;) {
        const skipped = Math.min(literal, open.length)
        open = open.slice(skipped)
        literal -= skipped
        const end = open.indexOf("\r\n")
        if (literal > 0 || end < 0) return
        const text = open.slice(0, end)
        open = open.slice(end + 2)
        this.lines.push({ from, text })
        literal = Number(/\{(\d+)\+?\}$/.exec(text)?.[1] ?? 0)
      }
    }
  }
}
