import assert from "node:assert/strict"
import { globSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { type TestContext, test } from "node:test"
import { fileURLToPath } from "node:url"
import type { Account } from "../daemon/worker/account.ts"
import { type Home, startHome, type TestClient } from "./worker/harness.ts"

/*
 * Plays the conversations under test/transcripts/, one folder per RFC, each against a fresh mailbox (INBOX,
 * Drafts, Sent, Junk, Trash, Archive, all empty) with the client already logged in. A line is:
 *
 *   # text          a comment
 *   = name value    the setting imap.name, a number or a word
 *   C: text         the client sends this and CRLF; C2: is a second client of the same user, and so on
 *   S: text         the server's next line is this; "..." stands for any text
 *   S* text         the server's next lines are these, in any order: a run of S* lines is one set
 *   S> text         lines before this one are not looked at, but for NO and BAD: for what is only preparation
 *   M: 23 name INBOX (\Seen)
 *                   23 copies of the message test/transcripts/messages/name.eml come into that mailbox, with
 *                   these flags; any words may follow the name as in APPEND
 *   C: text <name>  at the end of a line: the message test/transcripts/messages/name.eml as a literal
 *   S: text <name>  the same, as the server's literal
 *   <<name>>        in an S: line stands for digits, which a later line with <<name>> repeats
 *
 * Nothing may be left unread by any client at the end. Each file is played in writes of whole lines and again
 * byte by byte.
 */
const folder = fileURLToPath(new URL("transcripts", import.meta.url))

for (const file of globSync("rfc*/*.imap", { cwd: folder }).sort()) {
  for (const octetsPerWrite of [Number.POSITIVE_INFINITY, 1]) {
    test(`${file}, ${octetsPerWrite === 1 ? "byte by byte" : "whole lines"}`, (t) =>
      play(t, join(folder, file), octetsPerWrite))
  }
}

type Step = { who: "C" | "S" | "M"; client: number; mark: ":" | "*" | ">"; text: string; line: number }

const stepLine = /^(?:([CS])(\d?)|(M))([:*>]) (.*)$/

function stepsOf(file: string): Step[] {
  return readFileSync(file, "latin1")
    .split("\n")
    .flatMap((text, index): Step[] => {
      if (text === "" || text.startsWith("#") || text.startsWith("= ")) return []
      const found = stepLine.exec(text) ?? assert.fail(`${file}:${index + 1}: not a step`)
      const [, who, client, prepares, mark, rest] = found
      assert.ok(mark === ":" || who === "S", `${file}:${index + 1}: not a step`)
      return [
        {
          who: (who ?? prepares) as Step["who"],
          client: Number(client || 1),
          mark: mark as Step["mark"],
          text: rest ?? "",
          line: index + 1,
        },
      ]
    })
}

function settingsOf(file: string): Partial<Account["limits"]> {
  const given = [...readFileSync(file, "latin1").matchAll(/^= (\w+) (\w+)$/gm)]
  return Object.fromEntries(given.map(([, name, value = ""]) => [name, /^\d+$/.test(value) ? Number(value) : value]))
}

async function play(t: TestContext, file: string, octetsPerWrite: number): Promise<void> {
  const home = startHome(t, { limits: settingsOf(file) })
  const clients = new Map<number, TestClient>()
  const steps = stepsOf(file)
  const learned: Learned = new Map()
  for (let at = 0; at < steps.length; ) {
    const step = steps[at] ?? assert.fail()
    at += 1
    if (step.who === "M") {
      await fill(home, step.text)
      continue
    }
    const client = clients.get(step.client) ?? (await home.connect(octetsPerWrite))
    clients.set(step.client, client)
    const where = `${basename(dirname(file))}/${basename(file)}:${step.line}`
    const text = recalled(step.text, learned)
    if (step.who === "C") await say(client, text)
    else if (step.mark === "*") at += (await hearSet(client, steps.slice(at - 1), where)) - 1
    else if (step.mark === ">") await hearUpTo(client, text, where)
    else await hear(client, text, where, learned)
  }
  for (const [number, client] of clients) assert.equal(client.unread, "", `left unread by client ${number}`)
}

const messageAtEnd = /^(.*)<([\w-]+)>$/

function messageNamed(name: string): Buffer {
  return readFileSync(join(folder, "messages", `${name}.eml`))
}

/** `count name mailbox options`; each message in an APPEND of its own, so that each has its own mod-sequence. */
async function fill(home: Home, text: string): Promise<void> {
  const [, count, name, mailbox, options] = /^(\d+) ([\w-]+) (\S+) ?(.*)$/.exec(text) ?? assert.fail(text)
  const client = await home.connect()
  for (let left = Number(count); left > 0; left -= 1) {
    assert.match(await client.append(mailbox ?? "", messageNamed(name ?? ""), options), /^OK/)
  }
  client.leave()
}

async function say(client: TestClient, text: string): Promise<void> {
  const [, before, name] = messageAtEnd.exec(text) ?? []
  if (before === undefined || name === undefined) return client.send(`${text}\r\n`)
  const message = messageNamed(name)
  client.send(`${before}{${message.length}}\r\n`)
  assert.match(await client.line(), /^\+ /)
  client.send(message)
  client.send("\r\n")
}

type Learned = Map<string, string>

function recalled(text: string, learned: Learned): string {
  return text.replace(/<<(\w+)>>/g, (unknown, name: string) => learned.get(name) ?? unknown)
}

async function hear(client: TestClient, text: string, where: string, learned: Learned): Promise<void> {
  const [, before, name] = messageAtEnd.exec(text) ?? []
  if (before === undefined || name === undefined) {
    const line = await client.line()
    assert.match(line, pattern(text), where)
    for (const [key, value] of Object.entries(pattern(text).exec(line)?.groups ?? {})) learned.set(key, value)
    return
  }
  const message = messageNamed(name)
  const { text: heard, literals } = await client.response()
  assert.match(heard, pattern(`${before}{${message.length}})`), where)
  assert.deepEqual(literals, [message], where)
}

async function hearUpTo(client: TestClient, text: string, where: string): Promise<void> {
  const passed: string[] = []
  for (let line = await client.line(); !pattern(text).test(line); line = await client.line()) {
    passed.push(line)
    assert.doesNotMatch(line, /^[^* ]\S* (NO|BAD)/, where)
    assert.ok(passed.length < 1000, `${where}: never came, but\n${passed.slice(0, 20).join("\n")}`)
  }
}

/** @returns how many steps the set has */
async function hearSet(client: TestClient, steps: Step[], where: string): Promise<number> {
  const end = steps.findIndex(({ mark }) => mark !== "*")
  const expected = steps.slice(0, end === -1 ? steps.length : end).map(({ text }) => text)
  const open = [...expected]
  while (open.length > 0) {
    const line = await client.line()
    const found = open.findIndex((text) => pattern(text).test(line))
    assert.notEqual(found, -1, `${where}: ${line} is none of\n${open.join("\n")}`)
    open.splice(found, 1)
  }
  return expected.length
}

/** A `...` in an expected line stands for any text. */
function pattern(expected: string): RegExp {
  const fixed = expected.split("...").map((text) => escaped(text).replace(/<<(\w+)>>/g, "(?<$1>\\d+)"))
  return new RegExp(`^${fixed.join(".*")}$`)
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
}
