import assert from "node:assert/strict"
import { type ImapClient, literalOf } from "../harness/imap-client.ts"
import { letterIn, octetsOf } from "./letters.ts"
import { type Change, type Content, folderOf, letterOf, place, type Side } from "./two-sides.ts"

/** An account on the server, worked on by a second client. */
export class ImapSide implements Side {
  readonly #client: ImapClient

  constructor(client: ImapClient) {
    this.#client = client
  }

  async change(change: Change): Promise<void> {
    const [folder, letter] = [folderOf(change.at), letterOf(change.at)]
    if (change.do === "add") {
      const octets = octetsOf(letter)
      await this.ok(`APPEND "${folder}" (${change.flags.join(" ")}) {${octets.length}}`, octets)
      return
    }
    await this.ok(`SELECT "${folder}"`)
    const found = (await this.ok(`UID SEARCH HEADER X-Letter <${letter}>`)).find((line) => line.startsWith("* SEARCH"))
    const uid = /^\* SEARCH (\d+)$/.exec(found ?? "")?.[1] ?? assert.fail(`${change.at}: ${found}`)
    if (change.do === "flags") await this.ok(`UID STORE ${uid} FLAGS (${change.flags.join(" ")})`)
    else if (change.do === "copy") await this.ok(`UID COPY ${uid} "${folderOf(change.to)}"`)
    else if (change.do === "move") await this.ok(`UID MOVE ${uid} "${folderOf(change.to)}"`)
    else {
      await this.ok(`UID STORE ${uid} +FLAGS.SILENT (\\Deleted)`)
      await this.ok(`UID EXPUNGE ${uid}`)
    }
  }

  async content(): Promise<Content> {
    const content = new Map<string, Set<string>>()
    for (const folder of await this.folders()) {
      await this.ok(`EXAMINE "${folder}"`)
      for (const response of await this.ok("UID FETCH 1:* (FLAGS BODY.PEEK[])")) {
        const [, flags] = /FLAGS \(([^)]*)\)/.exec(response) ?? []
        if (flags === undefined || !response.includes("BODY[]")) continue
        const at = place(folder, letterIn(literalOf(response)))
        assert.equal(content.has(at), false, `${at} is there twice`)
        content.set(at, new Set(flags.split(" ").filter((flag) => flag !== "" && flag !== "\\Recent")))
      }
      await this.ok("UNSELECT")
    }
    return content
  }

  async folders(): Promise<string[]> {
    const all = (await this.ok('LIST "" *')).filter((line) => line.startsWith("* LIST") && !line.includes("\\Noselect"))
    return all.map((line) => /"\/" "?([^"]*)"?$/.exec(line)?.[1] ?? assert.fail(line))
  }

  async ok(command: string, literal?: Uint8Array): Promise<string[]> {
    const { untagged, status } = await this.#client.command(command, literal)
    assert.match(status, /^OK/, command)
    return untagged
  }
}
