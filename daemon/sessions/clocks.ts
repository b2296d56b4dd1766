import type { Clocks, CloseReason } from "../contract/worker-link.ts"
import type { ClockOverrides } from "../directory/directory.ts"
import type { Settings } from "../host/settings.ts"

/** What the clocks look at. Times are ms since the epoch. */
export type ClockFace = {
  openedAt: number
  /** Last command of any connection. */
  lastCommandAt: number
  /** When the last connection left, or null while there is one. */
  emptySince: number | null
  /** A connection waits in IDLE. */
  idling: boolean
}

/** Global settings, then what is set for the user; a running session may be given others by an operator. */
export function clocksFor(settings: Settings["sessions"], overrides: ClockOverrides): Clocks {
  return {
    lingerMs: (overrides.lingerS ?? settings.linger_s) * 1000,
    idleMs: (overrides.idleS ?? settings.idle_timeout_s) * 1000,
    maximumLifeMs: (overrides.maximumLifeS ?? settings.maximum_life_s) * 1000,
    idleCounts: overrides.idleCounts ?? settings.idle_counts_as_activity,
  }
}

/** When the first of the clocks runs out, and which. `at` is Infinity when none will by itself. */
export function nextExpiry(face: ClockFace, clocks: Clocks): { at: number; why: CloseReason } {
  const expiries: { at: number; why: CloseReason }[] = [
    { at: face.emptySince === null ? Number.POSITIVE_INFINITY : face.emptySince + clocks.lingerMs, why: "linger" },
    {
      at: clocks.idleCounts && face.idling ? Number.POSITIVE_INFINITY : face.lastCommandAt + clocks.idleMs,
      why: "idle",
    },
    {
      at: clocks.maximumLifeMs === 0 ? Number.POSITIVE_INFINITY : face.openedAt + clocks.maximumLifeMs,
      why: "maximum-life",
    },
  ]
  return expiries.reduce((first, other) => (other.at < first.at ? other : first))
}
