import { performAppend, performReplace } from "./arriving.ts"
import { type Command, matchData } from "./command.ts"
import { performEnable, performNaming, performSelect, performStatus } from "./mailboxes.ts"
import { performClose, performCopy, performExpunge, performFetch, performMove, performStore } from "./messages.ts"
import { namesNumbers, performSearch } from "./searching.ts"
import { Parted, type Steps, type Turn } from "./turn.ts"

/** Does what the command does, and checks everything that is said meanwhile. @throws Mismatch */
export function* perform(turn: Turn, command: Command): Steps {
  try {
    yield* steps(turn, command)
  } catch (error) {
    if (!(error instanceof Parted)) throw error
  }
}

const selectedOnly: ReadonlySet<Command["name"]> = new Set(
  "CHECK EXPUNGE CLOSE UNSELECT STORE FETCH SEARCH SORT COPY MOVE"
    .split(" ")
    .concat("UID EXPUNGE") as Command["name"][],
)

/** RFC 3501 §7.4.1; SORT is like SEARCH (RFC 5256 §3). */
const holdsExpunges: ReadonlySet<Command["name"]> = new Set(["STORE", "FETCH", "SEARCH", "SORT"] as const)

function* steps(turn: Turn, command: Command): Steps {
  if (selectedOnly.has(command.name) && turn.client.view === null) {
    yield
    turn.end("BAD")
  } else if (isNumbered(command) && turn.client.uidOnly) {
    yield* turn.refused("BAD", "UIDREQUIRED", !holdsExpunges.has(command.name))
  } else yield* allowed(turn, command)
}

/** RFC 9586 §3. REPLACE looks at its literal first. */
function isNumbered(command: Command): boolean {
  switch (command.name) {
    case "REPLACE":
      return false
    case "SELECT":
    case "EXAMINE":
      return matchData(command.resync) !== ""
    case "SEARCH":
    case "SORT":
      return !command.uid || namesNumbers(command.key)
    default:
      return "uid" in command && !command.uid
  }
}

function allowed(turn: Turn, command: Command): Steps {
  switch (command.name) {
    case "NOOP":
    case "CHECK":
      return performNothing(turn)
    case "IDLE":
    case "DONE":
      return performIdle(turn, command.name)
    case "LOGOUT":
      return performLogout(turn)
    case "ENABLE":
      return performEnable(turn, command)
    case "SELECT":
    case "EXAMINE":
      return performSelect(turn, command)
    case "CLOSE":
    case "UNSELECT":
      return performClose(turn, command)
    case "CREATE":
    case "DELETE":
    case "RENAME":
      return performNaming(turn, command)
    case "STATUS":
      return performStatus(turn, command)
    case "APPEND":
      return performAppend(turn, command)
    case "REPLACE":
      return performReplace(turn, command)
    case "STORE":
      return performStore(turn, command)
    case "FETCH":
      return performFetch(turn, command)
    case "SEARCH":
    case "SORT":
      return performSearch(turn, command)
    case "COPY":
      return performCopy(turn, command)
    case "MOVE":
      return performMove(turn, command)
    case "EXPUNGE":
    case "UID EXPUNGE":
      return performExpunge(turn, command)
  }
}

function* performNothing(turn: Turn): Steps {
  yield* turn.tellAll(true)
  turn.end("OK")
}

/** RFC 2177: what happens is told while it lasts, as often as the server likes. */
function* performIdle(turn: Turn, name: "IDLE" | "DONE"): Steps {
  if (name === "IDLE") {
    turn.take("continue")
    turn.client.idling = turn.tag
    return yield* turn.tellOn(true)
  }
  yield* turn.tellOn(true)
  yield* turn.tell(true)
  turn.client.idling = null
  turn.end("OK")
}

/** RFC 3501 §6.1.3 */
function* performLogout(turn: Turn): Steps {
  yield
  turn.take("bye")
  yield* turn.tellAll(true)
  turn.end("OK")
  Object.assign(turn.client, { closed: true, view: null })
}
