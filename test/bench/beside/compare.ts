import { cpus, totalmem } from "node:os"
import { type Bench, open } from "./bench.ts"
import { type Contender, startDovecot, startMailkeep } from "./contender.ts"
import { dovecotMissing, dovecotVersion, type Keys } from "./dovecot.ts"
import { type Operation, operations } from "./operations.ts"

type Line = { what: string; differs?: string | undefined; times: number[][]; answers: string[] }

/** `only` says which lines of the table are wanted; messages are appended in any case. */
export type Comparison = { messages: readonly Buffer[]; keys: Exclude<Keys, "none">; only: RegExp }

/** An operation that has taken this long, all servers and rounds together, gets no further round. */
const budgetMs = 120_000

/**
 * mailkeep beside Dovecot with its mail-crypt plugin and beside Dovecot without: the same messages, the same
 * commands, in turns, so that what else the machine does hits all alike. Prints a table in Markdown.
 */
export async function compare({ messages, keys, only }: Comparison): Promise<void> {
  const missing = dovecotMissing()
  if (missing !== null) throw new Error(`cannot compare with Dovecot: ${missing}`)
  const contenders: Contender[] = []
  const stop = async () => {
    for (const contender of contenders.splice(0)) await contender.stop()
  }
  const interrupted = () => void stop().finally(() => process.exit(1))
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupted)
  try {
    for (const start of [startMailkeep, () => startDovecot(keys), () => startDovecot("none")])
      contenders.push(await start())
    printHead(messages, contenders, keys)
    const benches = await Promise.all(contenders.map((contender) => open(contender, messages)))
    const wanted = operations(messages.length).filter((operation) => operation.fills || only.test(operation.what))
    const disk: string[] = []
    for (const operation of wanted) {
      const line = await measure(operation, benches)
      if (line.times.every((times) => times.length > 0)) printLine(line)
      if (operation.fills) disk.push(...contenders.map(({ name, diskBytes }) => `${name} ${mib(diskBytes())}`))
    }
    print(`\nOn disk, all messages once: ${disk.join(", ")}`)
    for (const { client } of benches) client.close()
  } finally {
    await stop()
  }
}

/** In turns, round by round. */
async function measure(operation: Operation, benches: readonly Bench[]): Promise<Line> {
  const { what, differs, fills, rounds, possible, before, run, after } = operation
  const times: number[][] = benches.map(() => [])
  const answers = benches.map(() => "")
  const start = performance.now()
  for (let round = 0; round < rounds && (fills === true || performance.now() - start < budgetMs); round++) {
    if (!benches.every((bench) => possible?.(bench) ?? true)) break
    for (const [at, bench] of benches.entries()) {
      await before?.(bench)
      const begun = performance.now()
      answers[at] = await run(bench)
      times[at]?.push(performance.now() - begun)
      await after?.(bench)
    }
  }
  return { what, differs, times, answers }
}

function printHead(messages: readonly Buffer[], contenders: readonly Contender[], keys: Keys): void {
  const octets = messages.reduce((sum, { length }) => sum + length, 0)
  print(
    `${messages.length.toLocaleString("en")} messages, ${mib(octets)}; ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB; ` +
      `Node ${process.version}; Dovecot ${dovecotVersion()}, mail-crypt with ${keys} keys, mdbox\n`,
  )
  print("Milliseconds, fastest round / median round; ratios are of the fastest rounds.\n")
  print(`| | ${contenders.map(({ name }) => name).join(" | ")} | to mail-crypt | to plain | answers that differ |`)
  print(`| --- |${" ---: |".repeat(contenders.length + 2)} --- |`)
}

function printLine({ what, differs, times, answers }: Line): void {
  const [ours = 0, ...theirs] = times.map((rounds) => Math.min(...rounds))
  const columns = times.map((rounds) => `${shown(Math.min(...rounds))} / ${shown(median(rounds))}`)
  const ratios = theirs.map((time) => (ours / time).toFixed(2))
  const differ =
    new Set(answers).size === 1 ? "" : `${answers.join(", ")}${differs === undefined ? "" : `: ${differs}`}`
  print(`| ${[what, ...columns, ...ratios, differ].join(" | ")} |`)
}

function median(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b)
  return ((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) + (sorted[Math.ceil((sorted.length - 1) / 2)] ?? 0)) / 2
}

function shown(time: number): string {
  return time < 100 ? time.toFixed(1) : time.toFixed(0)
}

function mib(octets: number): string {
  return `${(octets / 1_048_576).toFixed(0)} MiB`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
