import { readFileSync, writeFileSync } from "node:fs"

/** Resident memory of a process in MiB: now, and the most since its start or since `forgetPeak`. */
export function memoryOf(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) / 1024
  return { now: field("VmRSS"), peak: field("VmHWM") }
}

/** From here on `peak` counts anew (Linux: `clear_refs`). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5")
}
