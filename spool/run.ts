import { randomBytes } from "node:crypto"

/**
 * One life of a process, which names its files in tmp/: those of a life that has ended are stale. The number of
 * a process may have been given to another, the random part tells two lives apart.
 */
export class Run {
  readonly name = `${process.pid}-${randomBytes(6).toString("hex")}`

  /** Whether the process of the run that has this name is gone. Not, when the name is none of a run. */
  hasEnded(name: string): boolean {
    const pid = Number(name.split("-")[0])
    if (!Number.isSafeInteger(pid) || pid <= 0) return false
    if (pid === process.pid) return name !== this.name
    return !isRunning(pid)
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
