import type { CommandName } from "../../imap/ast.ts"
import type { Capability } from "../capabilities.ts"
import { appendFamily } from "./append.ts"
import type { Entry } from "./command.ts"
import { compressFamily } from "./compress.ts"
import { copyFamily } from "./copy.ts"
import { enableFamily } from "./enable.ts"
import { expungeFamily } from "./expunge.ts"
import { fetchFamily } from "./fetch.ts"
import { generalFamily } from "./general.ts"
import { listFamily } from "./list.ts"
import { mailboxFamily } from "./mailboxes.ts"
import { metadataFamily } from "./metadata.ts"
import { multiSearchFamily } from "./multi-search.ts"
import { notifyFamily } from "./notify.ts"
import { quotaFamily } from "./quota.ts"
import { searchFamily } from "./search.ts"
import { searchUpdateFamily } from "./search-update.ts"
import { selectFamily } from "./select.ts"
import { sortFamily } from "./sort.ts"
import { statusFamily } from "./status.ts"
import { storeFamily } from "./store.ts"
import { threadFamily } from "./thread.ts"
import { uidBatchesFamily } from "./uid-batches.ts"

/** Every command after login, complete by type: what the grammar can read, somebody answers. */
export const commands: { readonly [N in CommandName]: Entry<N> } = {
  ...generalFamily.commands,
  ...enableFamily.commands,
  ...selectFamily.commands,
  ...mailboxFamily.commands,
  ...listFamily.commands,
  ...statusFamily.commands,
  ...appendFamily.commands,
  ...searchFamily.commands,
  ...searchUpdateFamily.commands,
  ...multiSearchFamily.commands,
  ...notifyFamily.commands,
  ...sortFamily.commands,
  ...threadFamily.commands,
  ...uidBatchesFamily.commands,
  ...fetchFamily.commands,
  ...storeFamily.commands,
  ...copyFamily.commands,
  ...expungeFamily.commands,
  ...quotaFamily.commands,
  ...metadataFamily.commands,
  ...compressFamily.commands,
}

/** What the families together make true, in the order in which CAPABILITY lists it. */
export const registered: readonly Capability[] = [
  generalFamily,
  enableFamily,
  selectFamily,
  mailboxFamily,
  listFamily,
  statusFamily,
  appendFamily,
  searchFamily,
  searchUpdateFamily,
  multiSearchFamily,
  notifyFamily,
  sortFamily,
  threadFamily,
  uidBatchesFamily,
  fetchFamily,
  storeFamily,
  copyFamily,
  expungeFamily,
  quotaFamily,
  metadataFamily,
  compressFamily,
].flatMap(({ capabilities }) => capabilities)
