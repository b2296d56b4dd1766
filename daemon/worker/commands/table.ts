import type { CommandName } from "../../imap/ast.ts"
import type { Capability } from "../capabilities.ts"
import { appendFamily } from "./append.ts"
import type { Entry } from "./command.ts"
import { compressFamily } from "./compress.ts"
import { copyFamily } from "./copy.ts"
import { expungeFamily } from "./expunge.ts"
import { fetchFamily } from "./fetch.ts"
import { generalFamily } from "./general.ts"
import { listFamily } from "./list.ts"
import { mailboxFamily } from "./mailboxes.ts"
import { searchFamily } from "./search.ts"
import { selectFamily } from "./select.ts"
import { statusFamily } from "./status.ts"
import { storeFamily } from "./store.ts"

/** Every command after login, complete by type: what the grammar can read, somebody answers. */
export const commands: { readonly [N in CommandName]: Entry<N> } = {
  ...generalFamily.commands,
  ...selectFamily.commands,
  ...mailboxFamily.commands,
  ...listFamily.commands,
  ...statusFamily.commands,
  ...appendFamily.commands,
  ...searchFamily.commands,
  ...fetchFamily.commands,
  ...storeFamily.commands,
  ...copyFamily.commands,
  ...expungeFamily.commands,
  ...compressFamily.commands,
}

/** What the families together make true, in the order in which CAPABILITY lists it. */
export const registered: readonly Capability[] = [
  generalFamily,
  selectFamily,
  mailboxFamily,
  listFamily,
  statusFamily,
  appendFamily,
  searchFamily,
  fetchFamily,
  storeFamily,
  copyFamily,
  expungeFamily,
  compressFamily,
].flatMap(({ capabilities }) => capabilities)
