import type { Store } from "../../store/store.ts"
import type { Mailbox, SpecialUse } from "../../store/types.ts"
import { Refused } from "../refusal.ts"

/** RFC 6154 §4: no annotation of ours, but the special use of the mailbox. */
export const specialUseEntry = "/private/specialuse"

/** \All and \Flagged would be views of other mailboxes, which we have not. */
const uses: readonly SpecialUse[] = ["\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"]

/**
 * RFC 6154 §3: a mailbox has one use at most, and a use one mailbox, so that no client has to choose. `owner`
 * may have it already.
 *
 * @throws Refused USEATTR
 */
export function useFor(store: Store, [given, second]: string[], owner: Mailbox | null = null): SpecialUse | null {
  if (given === undefined) return null
  const use = uses.find((each) => each.toLowerCase() === given.toLowerCase())
  if (second !== undefined) throw new Refused({ status: "NO", code: "USEATTR", text: "A mailbox has one use at most" })
  if (use === undefined) throw new Refused({ status: "NO", code: "USEATTR", text: "No mailbox can have that use" })
  const present = store.mailboxes.withUse(use)
  if (present !== undefined && present.id !== owner?.id)
    throw new Refused({ status: "NO", code: "USEATTR", text: "Another mailbox has that use" })
  return use
}
