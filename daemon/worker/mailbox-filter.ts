import type { MailboxFilter } from "../imap/ast.ts"

/**
 * Whether a mailbox of this name is meant (RFC 5465 §6, RFC 7377 §2.2). There is one user and one namespace, so
 * all is personal; deliveries go to INBOX. Names are not patterns. `subscribed` is asked each time: RFC 5465 §6.4
 * wants the list to be reevaluated as it changes.
 */
export function filterOf(filter: MailboxFilter, subscribed: () => ReadonlySet<string>): (name: string) => boolean {
  switch (filter.source) {
    case "inboxes":
      return (name) => name === "INBOX"
    case "personal":
      return () => true
    case "subscribed":
      return (name) => subscribed().has(name)
    case "mailboxes": {
      const named = new Set(filter.mailboxes)
      return (name) => named.has(name)
    }
    default:
      return within(new Set(filter.mailboxes), filter.source === "subtree-one")
  }
}

/** One of these names, or below one of them; one level below with `oneLevel`. */
function within(roots: ReadonlySet<string>, oneLevel: boolean): (name: string) => boolean {
  return (name) => {
    if (roots.has(name)) return true
    if (oneLevel) return name.includes("/") && roots.has(name.slice(0, name.lastIndexOf("/")))
    for (let at = name.indexOf("/"); at !== -1; at = name.indexOf("/", at + 1)) {
      if (roots.has(name.slice(0, at))) return true
    }
    return false
  }
}
