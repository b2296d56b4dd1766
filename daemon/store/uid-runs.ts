/** UIDs from the first to the last of a run, without a hole. */
export type Run = [first: number, last: number]

/**
 * UIDs in any order as runs of consecutive ones, ascending, each once: one statement does for a run what would
 * take one for each message, and mailboxes are mostly runs.
 */
export function uidRuns(uids: readonly number[]): Run[] {
  const runs: Run[] = []
  for (const uid of inOrder(uids)) {
    const run = runs.at(-1)
    if (run === undefined || uid > run[1] + 1) runs.push([uid, uid])
    else run[1] = uid
  }
  return runs
}

/** As they are when they ascend already, which most do. */
function inOrder(uids: readonly number[]): readonly number[] {
  for (let at = 1; at < uids.length; at++) {
    if ((uids[at - 1] ?? 0) > (uids[at] ?? 0)) return uids.toSorted((a, b) => a - b)
  }
  return uids
}
