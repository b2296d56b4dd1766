import type { Command } from "commander"
import type { AdminAsks, SessionView, UserView } from "../requests.ts"
import { CliFailure, exitCodes } from "./failure.ts"
import { seconds, span } from "./text.ts"

type Overrides = UserView["clocks"]

/** As commander gives them; it would turn null into an empty text. */
export type ClockOptions = {
  linger?: number | "default"
  idle?: number | "default"
  maximumLife?: number | "default"
  idleCounts?: boolean | "default"
}

/** Adds the options of a command that sets clocks; `resettable` when "default" may be said. */
export function withClockOptions(command: Command, resettable: boolean): Command {
  const orDefault = resettable ? ', or "default"' : ""
  const timed = (text: string) => (resettable && text === "default" ? text : seconds(text))
  return command
    .option(
      "--idle <time>",
      `without a command for this long the session is closed and locked: 90s, 30m, 8h${orDefault}`,
      timed,
    )
    .option("--linger <time>", `how long the mailbox stays open after the last connection left${orDefault}`, timed)
    .option("--maximum-life <time>", `upper bound of a session's life, 0 is none${orDefault}`, timed)
    .option("--idle-counts <yes|no>", `whether waiting in IDLE keeps the session open${orDefault}`, (text) =>
      resettable && text === "default" ? text : yesOrNo(text),
    )
}

function yesOrNo(text: string): boolean {
  if (text === "yes" || text === "no") return text === "yes"
  throw new CliFailure("usage", `${JSON.stringify(text)}: expected yes or no`, exitCodes.usage)
}

/** Only what was given; "default" as null. */
export function clockChanges(options: ClockOptions): AdminAsks<"user.clocks">["clocks"] {
  const { linger, idle, maximumLife, idleCounts } = options
  return {
    ...(linger === undefined ? {} : { lingerS: orNull(linger) }),
    ...(idle === undefined ? {} : { idleS: orNull(idle) }),
    ...(maximumLife === undefined ? {} : { maximumLifeS: orNull(maximumLife) }),
    ...(idleCounts === undefined ? {} : { idleCounts: orNull(idleCounts) }),
  }
}

function orNull<T>(value: T | "default"): T | null {
  return value === "default" ? null : value
}

/** For `facts`; null is "as everybody". */
export function clockFacts(clocks: Overrides | SessionView["clocks"]): [string, string][] {
  const timed = (value: number | null) => (value === null ? "as everybody" : span(value))
  return [
    ["idle after", timed(clocks.idleS)],
    ["lingers", timed(clocks.lingerS)],
    ["maximum life", clocks.maximumLifeS === 0 ? "none" : timed(clocks.maximumLifeS)],
    ["IDLE keeps open", clocks.idleCounts === null ? "as everybody" : clocks.idleCounts ? "yes" : "no"],
  ]
}
