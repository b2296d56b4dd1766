/** How long this took, in seconds. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  return (await between(work)) / 1000
}

/** How long this took, in milliseconds. */
export async function between(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

export function perSecond(count: number, took: number): string {
  return Math.round(count / took).toLocaleString("en")
}

/** "p50 12.3 ms, p99 45.6 ms" */
export function percentiles(times: number[], ...wanted: number[]): string {
  const sorted = [...times].sort((left, right) => left - right)
  const at = (percent: number) => sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0
  return wanted.map((percent) => `p${percent} ${at(percent).toFixed(1)} ms`).join(", ")
}

export function print(...columns: string[]): void {
  process.stdout.write(
    `${columns
      .map((column, at) => column.padEnd([56, 34, 0][at] ?? 0))
      .join("")
      .trimEnd()}\n`,
  )
}
