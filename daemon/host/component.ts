import type { Settings } from "./settings.ts"

/** The three long-running parts of mailkeep, each a process of its own. */
export type ComponentName = "daemon" | "proxy" | "spool"

/** A component that runs until it is closed. */
export type Running = { close(): Promise<void>; reload?(): Promise<void>; listening: string[] }

/** What the supervisor tells a process that it forked: what to be, and with which settings. */
export type ComponentOrder = { name: ComponentName; settings: Settings }
