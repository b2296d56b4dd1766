import assert from "node:assert/strict"
import test from "node:test"
import { settingsSchema } from "../../daemon/host/settings.ts"
import { type ClockFace, clocksFor, nextExpiry } from "../../daemon/sessions/clocks.ts"

const clocks = { lingerMs: 60_000, idleMs: 1_800_000, maximumLifeMs: 0, idleCounts: true }
const face = { openedAt: 0, lastCommandAt: 1000, emptySince: null, idling: false }

const cases: [
  what: string,
  face: { [K in keyof ClockFace]?: ClockFace[K] },
  clocks: Partial<typeof clocks>,
  at: number,
  why: string,
][] = [
  ["a silent connection goes idle", {}, {}, 1_801_000, "idle"],
  ["IDLE keeps the session alive", { idling: true }, {}, Number.POSITIVE_INFINITY, "linger"],
  ["unless configured not to", { idling: true }, { idleCounts: false }, 1_801_000, "idle"],
  ["the last connection left: linger", { emptySince: 5000 }, {}, 65_000, "linger"],
  ["no linger at all", { emptySince: 5000 }, { lingerMs: 0 }, 5000, "linger"],
  [
    "maximum life counts from the start",
    { lastCommandAt: 900_000 },
    { maximumLifeMs: 1_000_000 },
    1_000_000,
    "maximum-life",
  ],
  ["the first to run out wins", { emptySince: 5000 }, { maximumLifeMs: 6000 }, 6000, "maximum-life"],
]
for (const [what, shown, set, at, why] of cases) {
  test(what, () => {
    const expiry = nextExpiry({ ...face, ...shown }, { ...clocks, ...set })
    assert.equal(expiry.at, at)
    if (Number.isFinite(at)) assert.equal(expiry.why, why)
  })
}

test("a user's own clocks replace the global ones, one by one", () => {
  const { sessions } = settingsSchema.parse({})
  assert.deepEqual(clocksFor(sessions, { lingerS: null, idleS: 5, maximumLifeS: null, idleCounts: false }), {
    lingerMs: sessions.linger_s * 1000,
    idleMs: 5000,
    maximumLifeMs: 0,
    idleCounts: false,
  })
})
