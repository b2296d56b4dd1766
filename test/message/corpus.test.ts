import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { MessageParser, parseMessage } from "../../daemon/message/parser.ts"
import { outline } from "./octets.ts"

const fixtures = join(import.meta.dirname, "..", "fixtures")
const folder = process.env.MAILKEEP_CORPUS ?? fixtures

test(`real messages, whole and in odd pieces, from ${folder === fixtures ? "the fixtures" : "the corpus"}`, () => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".eml"))
  assert.ok(files.length > 0)
  for (const [index, file] of files.entries()) {
    const message = readFileSync(join(folder, file))
    const parser = new MessageParser()
    const step = 1 + ((index * 37) % 501)
    for (let at = 0; at < message.length; at += step) parser.push(message.subarray(at, at + step))
    const whole = parseMessage(message)
    assert.deepEqual(parser.end(), whole, file)
    assert.equal(whole.size, message.length, file)
    assert.equal(whole.root.end, message.length, file)
  }
})

const read = (file: string) => {
  const message = readFileSync(join(fixtures, file))
  return { message, parsed: parseMessage(message) }
}

test("plain.eml", () => {
  const { parsed } = read("plain.eml")
  assert.equal(parsed.baseSubject, "Lunch on Tuesday")
  assert.equal(parsed.preview, "Tuesday is fine. Ada")
  assert.deepEqual(parsed.references, ["<earlier@example.net>"])
  assert.equal(parsed.sentAt, Date.parse("2024-06-03T08:11:12Z"))
})

test("alternative.eml", () => {
  const { parsed } = read("alternative.eml")
  assert.equal(parsed.subject, "Pâtisserie française")
  assert.equal(parsed.preview, "Crème brûlée for everyone, on one line.")
  assert.equal(parsed.bodyText, "Crème brûlée for everyone, on one line.\nCrème brûlée & more\nfor everyone")
})

test("nested.eml", () => {
  const { message, parsed } = read("nested.eml")
  assert.equal(
    outline(message, parsed.root),
    String.raw`multipart/mixed(text/plain"See below.", message/rfc822<multipart/mixed(text/plain"The report.", application/pdf"JVBERi0xLjQKJcOkw7zDtsOfCg==\r\n")>, image/png"iVBORw0KGgo=")`,
  )
  assert.ok(parsed.bodyText.endsWith("The report.\nRésum.eml\nreport.pdf"))
})

test("bare-lf.eml", () => {
  const { message, parsed } = read("bare-lf.eml")
  assert.equal(outline(message, parsed.root).replace(/text\/plain"[^"]*"/g, "text"), "multipart/mixed(text, text)")
  assert.equal(parsed.subject, "café in raw octets")
  assert.ok(parsed.bodyText.endsWith("Привет"))
})

test("broken.eml", () => {
  const { message, parsed } = read("broken.eml")
  assert.match(outline(message, parsed.root), /^multipart\/alternative\(text\/plain"--other/)
  assert.deepEqual(parsed.envelope.from, [{ name: "Nobody", route: null, mailbox: "nobody", host: "MISSING_DOMAIN" }])
  assert.equal(parsed.sentAt, null)
  assert.equal(parsed.subject, "=?utf-8?q?broken?")
})

test("japanese.eml", () => {
  const { parsed } = read("japanese.eml")
  assert.deepEqual([parsed.subject, parsed.bodyText, parsed.preview], ["日本", "日本", "日本"])
})
