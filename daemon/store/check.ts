import type { Connection } from "./connection.ts"
import { MarkBlock, type MarkRow } from "./mark-block.ts"
import { mailboxBlocks } from "./migrations/9-mark.sql.ts"
import { comparedSubject } from "./orderings.ts"

/** What must hold between any two transactions: a sentence, and a query that finds what breaks it. */
const invariants: readonly [claim: string, violations: string][] = [
  [
    "a mailbox's counters equal its messages",
    `SELECT mailbox.id FROM mailbox LEFT JOIN message ON message.mailbox = mailbox.id GROUP BY mailbox.id
     HAVING mailbox.messages <> count(uid) OR mailbox.size <> coalesce(sum(message.size), 0)`,
  ],
  [
    "a mailbox's counters equal its marks",
    `SELECT mailbox.id FROM mailbox LEFT JOIN mark ON mark.mailbox = mailbox.id GROUP BY mailbox.id
     HAVING mailbox.unseen <> coalesce(sum(mark.unseen), 0) OR mailbox.deleted <> coalesce(sum(mark.deleted), 0)`,
  ],
  ["a mark is of the mailbox that its id says", `SELECT id FROM mark WHERE id / ${mailboxBlocks} <> mailbox`],
  [
    "keywords belong to a message",
    "SELECT uid FROM message_keywords WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.mailbox = message_keywords.mailbox AND message.uid = message_keywords.uid)",
  ],
  [
    "the account's usage equals its messages",
    `SELECT messages, bytes FROM account
     WHERE messages <> (SELECT count(*) FROM message) OR bytes <> (SELECT coalesce(sum(size), 0) FROM message)`,
  ],
  ["there is one account row", "SELECT count(*) FROM account HAVING count(*) <> 1"],
  [
    "INBOX exists and is selectable",
    "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM mailbox WHERE name = 'INBOX' AND selectable = 1)",
  ],
  [
    "a UID is below UIDNEXT",
    "SELECT uid FROM message JOIN mailbox ON mailbox.id = mailbox WHERE uid >= uid_next OR uid < 1",
  ],
  [
    "no message is newer than its mailbox",
    "SELECT mark.id FROM mark JOIN mailbox ON mailbox.id = mailbox WHERE mark.modseq > mailbox.modseq",
  ],
  [
    "no expunge is newer than its mailbox",
    "SELECT first FROM expunged JOIN mailbox ON mailbox.id = mailbox WHERE expunged.modseq > mailbox.modseq",
  ],
  ["the recent mark is not above UIDNEXT", "SELECT id FROM mailbox WHERE recent_from > uid_next"],
  [
    "the expunge log names no live message",
    "SELECT uid FROM expunged JOIN message ON message.mailbox = expunged.mailbox AND uid BETWEEN first AND last",
  ],
  [
    "the expunge log names a UID once",
    `SELECT first FROM (SELECT first, last, lag(last, 1, 0) OVER (PARTITION BY mailbox ORDER BY first) AS before FROM expunged)
     WHERE first <= before OR last < first`,
  ],
  [
    "a UID that was given is of a message, or in the expunge log",
    `SELECT id FROM mailbox WHERE name NOT GLOB '/*'
       AND uid_next - 1 <> messages + (SELECT coalesce(sum(last - first + 1), 0) FROM expunged WHERE expunged.mailbox = mailbox.id)`,
  ],
  [
    "a name without a mailbox holds no messages",
    "SELECT uid FROM message JOIN mailbox ON mailbox.id = mailbox WHERE selectable = 0 AND name NOT GLOB '/*'",
  ],
  [
    "UIDVALIDITY is remembered",
    "SELECT name FROM mailbox LEFT JOIN past_name USING (name) WHERE past_name.uid_validity IS NOT mailbox.uid_validity AND name NOT GLOB '/*'",
  ],
  [
    "a UIDVALIDITY that was forgotten was given by the account",
    "SELECT id FROM account WHERE forgotten_validity > uid_validity",
  ],
  ["UIDVALIDITY belongs to one mailbox", "SELECT uid_validity FROM mailbox GROUP BY uid_validity HAVING count(*) > 1"],
  [
    "UIDVALIDITY was given by the account",
    "SELECT id FROM mailbox WHERE uid_validity > (SELECT uid_validity FROM account)",
  ],
  [
    "a message says what its content says",
    "SELECT uid FROM message JOIN content ON content.id = content WHERE message.size <> content.size OR message.thread <> content.thread",
  ],
  [
    "exactly the contents without a message are unlinked",
    `SELECT id FROM content LEFT JOIN unlinked ON unlinked.content = id
     WHERE (unlinked.content IS NULL) <> EXISTS (SELECT 1 FROM message WHERE message.content = content.id)`,
  ],
  [
    "pieces follow one another without gap",
    `SELECT id FROM (SELECT id, offset, lag(offset + length, 1, 0) OVER (PARTITION BY id >> 20 ORDER BY id) AS expected FROM piece)
     WHERE offset <> expected`,
  ],
  [
    "pieces of a described content make up its size",
    `SELECT content.id FROM content JOIN structure ON structure.content = content.id
     WHERE size <> (SELECT coalesce(sum(length), 0) FROM piece WHERE piece.id BETWEEN content.id << 20 AND (content.id << 20) + 1048575)`,
  ],
  [
    "no piece without its content",
    "SELECT id FROM piece WHERE NOT EXISTS (SELECT 1 FROM content WHERE content.id = piece.id >> 20)",
  ],
  [
    "a linked content is described",
    "SELECT content FROM message WHERE content NOT IN (SELECT content FROM structure) OR content NOT IN (SELECT content FROM words)",
  ],
  [
    "what SORT compares is what the content says, and only the oldest lack it",
    `SELECT id FROM content LEFT JOIN ordering ON ordering.content = content.id
     WHERE ordering.content IS NOT NULL
         AND (ordering.sent_at IS NOT content.sent_at OR ordering.base_subject <> ${comparedSubject})
       OR ordering.content IS NULL AND id IN (SELECT content FROM structure) AND id > (SELECT min(content) FROM ordering)`,
  ],
  [
    "what is described is indexed",
    `SELECT content FROM words
     WHERE content NOT IN (SELECT id FROM trigram_docsize UNION ALL SELECT id FROM trigram_next_docsize)`,
  ],
  [
    "what is indexed is described",
    `SELECT id FROM (SELECT id FROM trigram_docsize UNION ALL SELECT id FROM trigram_next_docsize)
     WHERE id NOT IN (SELECT content FROM words)`,
  ],
  [
    "the index that takes the other's place has all up to a content",
    `SELECT content FROM words, account
     WHERE content <= index_renewed AND content NOT IN (SELECT id FROM trigram_next_docsize)`,
  ],
  [
    "the index that takes the other's place is empty at other times",
    "SELECT trigram_next_docsize.id FROM trigram_next_docsize, account WHERE index_renewed IS NULL",
  ],
  [
    "what is described is listed, unless it came before there were lists",
    `SELECT structure.content FROM structure, account WHERE structure.content NOT IN (SELECT content FROM listed)
       AND (structure.content >= unlisted_below
         OR structure.content < (SELECT max(content) FROM listed WHERE content < unlisted_below))`,
  ],
  ["cut text is not said to be indexed", "SELECT content FROM words WHERE indexed = 1 AND complete = 0"],
  [
    "a thread's Message-IDs go with its last content",
    "SELECT thread FROM reference WHERE NOT EXISTS (SELECT 1 FROM content WHERE content.thread = reference.thread)",
  ],
  [
    "an annotation belongs to a mailbox or to the account",
    "SELECT entry FROM annotation WHERE mailbox <> 0 AND mailbox NOT IN (SELECT id FROM mailbox)",
  ],
  [
    "what a COPY has copied so far was copied into a mailbox",
    `SELECT copying.id FROM copying LEFT JOIN mailbox ON mailbox.id = copying.mailbox
     WHERE mailbox.id IS NULL OR first < 1 OR first > last OR last >= uid_next`,
  ],
  ["each keyword of a message is known to its mailbox", keywordsUnknown()],
]

function keywordsUnknown(): string {
  return `SELECT uid FROM message_keywords, json_each('["' || replace(replace(replace(keywords, '\\', '\\\\'), '"', '\\"'), ' ', '","') || '"]')
    WHERE value NOT IN (SELECT spelling FROM keyword WHERE keyword.mailbox = message_keywords.mailbox)`
}

/** Every invariant that does not hold, with the number of violations; the engine's own check first. Empty when the store is sound. */
export function check(connection: Connection): string[] {
  const broken = invariants.flatMap(([claim, violations]) => {
    const count = connection.pluck<[], number>(`SELECT count(*) FROM (${violations})`).get() ?? 0
    return count === 0 ? [] : [`not true (${count}): ${claim}`]
  })
  const dangling = connection.pluck<[], string>('SELECT "table" FROM pragma_foreign_key_check').all()
  return [
    ...connection.integrity(),
    ...broken,
    ...unmarked(connection),
    ...dangling.map((table) => `dangling reference in ${table}`),
  ]
}

type WholeRow = [...MarkRow, mailbox: number, modseq: number, unseen: number, deleted: number]

/** Rows of `mark` that do not say of their messages what they should, and messages that are in none. */
function unmarked(connection: Connection): string[] {
  const uids = connection.pluck<[mailbox: number, first: number, last: number], number>(
    "SELECT uid FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid",
  )
  const rows = connection.raw<[], WholeRow>("SELECT id, flags, modseqs, mailbox, modseq, unseen, deleted FROM mark")
  let messages = connection.pluck<[], number>("SELECT count(*) FROM message").get() ?? 0
  let wrong = 0
  for (const [id, flags, modseqs, mailbox, ...columns] of rows.all()) {
    const block = new MarkBlock([id, flags, modseqs])
    const { messages: marked, ...totals } = block.totals()
    messages -= marked
    const there = block.uidsBetween(block.first, block.last)
    const same = String(there) === String(uids.all(mailbox, block.first, block.last))
    if (!same || String(columns) !== String([totals.modseq, totals.unseen, totals.deleted])) wrong += 1
  }
  const found: [string, number][] = [
    ["each row of marks is of messages, and says what they say", wrong],
    ["each message has its mark", messages],
  ]
  return found.filter(([, count]) => count !== 0).map(([claim, count]) => `not true (${count}): ${claim}`)
}
