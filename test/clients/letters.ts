import assert from "node:assert/strict"
import { messages } from "../harness/corpus.ts"

/*
 * Letters that can be told apart by a field of their own, made of messages as they come. Clients with a Maildir
 * lose NUL and lone CR on the way; odd mail has tests of its own.
 */
const bodies = messages(60)
  .map(({ bytes }) => bytes)
  .filter((bytes) => bytes.length < 20_000 && !/\0|\r(?!\n)/.test(bytes.toString("latin1")))

/** The octets of a letter. */
export function octetsOf(letter: string): Buffer {
  const number = Number(/^letter(\d+)$/.exec(letter)?.[1] ?? assert.fail(letter))
  const body = bodies[number % bodies.length] ?? assert.fail("no messages")
  return Buffer.concat([Buffer.from(`X-Letter: <${letter}>\r\n`), body])
}

/** Which letter this is; mbsync writes a field of its own into what it copies. @throws when an octet was changed */
export function letterIn(octets: Buffer): string {
  const text = octets.toString("latin1").replace(/^X-TUID: .{12}\r\n/gm, "")
  const [, letter] = /^X-Letter: <(\w+)>\r$/m.exec(text) ?? []
  assert.ok(letter !== undefined, text.slice(0, 400))
  assert.equal(text, octetsOf(letter).toString("latin1"), `${letter} is not as it was given`)
  return letter
}
