import { closeSync, openSync, writeSync } from "node:fs"
import { ReadStream } from "node:tty"
import { limits } from "../../contract/preface.ts"
import { allocateSecret, sameSecret, wipe } from "../../keys/secret.ts"
import { CliFailure, exitCodes } from "./failure.ts"
import { LineEditor } from "./line-editor.ts"

const leastCharacters = 8

/** Standard input, or something like it. Its chunks are wiped. */
export type Input = AsyncIterable<Buffer> & { isTTY?: boolean }

/** A password that is asked for: what to call it, and whether it is a new one. */
export type Wanted = { label: string; isNew: boolean }

/**
 * Passwords in the order wanted, from the terminal without echo (new ones twice), or, when standard input
 * is not a terminal, from its first lines. Guarded memory, never a string; the caller wipes them.
 *
 * @throws CliFailure
 */
export async function readPasswords(wanted: Wanted[], input: Input = process.stdin): Promise<Buffer[]> {
  const passwords = input.isTTY === true ? await typed(wanted) : await piped(wanted, input)
  try {
    for (const [index, { label, isNew }] of wanted.entries()) check(passwords[index], label, isNew)
    return passwords
  } catch (error) {
    wipe(...passwords)
    throw error
  }
}

function check(password: Buffer | undefined, label: string, isNew: boolean): void {
  if (password === undefined || password.length === 0) throw new CliFailure("no-password", `no ${label} was given`)
  if (isNew && charactersOf(password) < leastCharacters) {
    throw new CliFailure("weak-password", `the ${label} is too short: take at least ${leastCharacters} characters`)
  }
}

/** Code points of UTF-8, without decoding it. */
function charactersOf(password: Buffer): number {
  return password.reduce((count, byte) => count + ((byte & 0xc0) === 0x80 ? 0 : 1), 0)
}

// ---- standard input

async function piped(wanted: Wanted[], input: Input): Promise<Buffer[]> {
  const passwords: Buffer[] = []
  const line = allocateSecret(limits.credential)
  let length = 0
  const finish = () => {
    const end = length > 0 && line[length - 1] === 0x0d ? length - 1 : length
    const password = allocateSecret(end)
    password.set(line.subarray(0, end))
    passwords.push(password)
    wipe(line)
    length = 0
  }
  try {
    for await (const chunk of input) {
      try {
        for (const byte of chunk) {
          if (passwords.length === wanted.length) break
          if (byte === 0x0a) finish()
          else if (length === line.length) throw tooLong()
          else line[length++] = byte
        }
      } finally {
        wipe(chunk)
      }
      if (passwords.length === wanted.length) break
    }
    if (length > 0) finish()
    if (passwords.length < wanted.length) throw missing(wanted, passwords.length)
    return passwords
  } catch (error) {
    wipe(...passwords)
    throw error
  } finally {
    wipe(line)
  }
}

function missing(wanted: Wanted[], got: number): CliFailure {
  const lines = wanted.map(({ label }) => label).join(", then the ")
  return new CliFailure(
    "no-password",
    `standard input had ${got} of ${wanted.length} lines: it has to hold the ${lines}`,
  )
}

function tooLong(): CliFailure {
  return new CliFailure("bad-password", `a password may have at most ${limits.credential} bytes`)
}

// ---- terminal

async function typed(wanted: Wanted[]): Promise<Buffer[]> {
  const terminal = new Terminal()
  const passwords: Buffer[] = []
  try {
    for (const { label, isNew } of wanted) {
      passwords.push(await terminal.ask(label))
      if (isNew) await terminal.confirm(label, passwords.at(-1) ?? Buffer.alloc(0))
    }
    return passwords
  } catch (error) {
    wipe(...passwords)
    throw error
  } finally {
    terminal.close()
  }
}

/** The terminal itself, whatever standard output is, in raw mode: no echo. */
class Terminal {
  readonly #handle: number
  readonly #input: ReadStream

  constructor() {
    this.#handle = openSync("/dev/tty", "r+")
    this.#input = new ReadStream(this.#handle)
    this.#input.setRawMode(true)
  }

  async ask(label: string): Promise<Buffer> {
    writeSync(this.#handle, `${label}: `)
    const editor = new LineEditor(limits.credential)
    try {
      const state = await this.#line(editor)
      writeSync(this.#handle, "\n")
      if (state === "interrupted") throw new CliFailure("interrupted", "interrupted", exitCodes.interrupted)
      if (editor.tooLong) throw tooLong()
      return editor.value()
    } finally {
      editor.wipe()
    }
  }

  async confirm(label: string, password: Buffer): Promise<void> {
    const again = await this.ask(`${label}, again`)
    const same = sameSecret(password, again)
    wipe(again)
    if (!same) throw new CliFailure("different-passwords", "the two are not the same: nothing was changed")
  }

  close(): void {
    this.#input.setRawMode(false)
    this.#input.destroy()
    try {
      closeSync(this.#handle)
    } catch (error) {
      // The stream closes the handle that it was given, at once or a moment later.
      if (!(error instanceof Error) || !("code" in error) || error.code !== "EBADF") throw error
    }
  }

  /** What is typed ahead of the next question stays in the terminal's stream. */
  async #line(editor: LineEditor): Promise<"done" | "interrupted" | "ended"> {
    for (;;) {
      const chunk = await this.#chunk()
      if (chunk === null) return "ended"
      const state = editor.push(chunk)
      wipe(chunk)
      if (state !== "more") return state
    }
  }

  #chunk(): Promise<Buffer | null> {
    return new Promise((resolve, reject) => {
      const settle = (chunk: Buffer | null) => {
        this.#input.pause()
        this.#input.removeAllListeners()
        resolve(chunk)
      }
      this.#input.once("data", settle)
      this.#input.once("end", () => settle(null))
      this.#input.once("error", reject)
      this.#input.resume()
    })
  }
}
