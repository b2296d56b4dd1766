/** UIDs side by side in one row of `mark`, and room for all such rows of one mailbox: UIDs have 32 bits. */
export const blockUids = 128
export const mailboxBlocks = 2 ** 25

const block = `uid / ${blockUids}`

/** Of every UID of a block, in its order, so many octets in hex; zeros where there is no message. */
function octets(value: string, count: number): string {
  const zeros = "0".repeat(count * 2)
  return `unhex(group_concat(CASE WHEN flags IS NULL THEN '${zeros}' ELSE printf('%0${count * 2}x', ${value}) END, '' ORDER BY slot.n))`
}

/**
 * Version 9: what changes about a message lies apart from what does not, and densely: a STORE of 10,000 messages writes 79
 * rows instead of 10,000 in two trees. The log of expunges names runs of UIDs. Counters of messages are no longer kept by
 * triggers, which counted each message by itself, but in `links.ts`.
 */
export const markSchema = `
-- Flags and mod-sequences of ${blockUids} UIDs that follow one another (\`mark-block.ts\`). A row is there when one of its
-- messages is.
CREATE TABLE mark (
  id INTEGER PRIMARY KEY,                   -- mailbox * ${mailboxBlocks} + uid / ${blockUids}
  mailbox INTEGER NOT NULL REFERENCES mailbox (id),
  modseq INTEGER NOT NULL,                  -- the highest of its messages
  unseen INTEGER NOT NULL,                  -- its messages without \\Seen
  deleted INTEGER NOT NULL,                 -- its messages with \\Deleted
  flags BLOB NOT NULL,                      -- an octet per UID, 0 without a message, else 128 and bits: 1 Seen, 2 Answered, 4 Flagged, 8 Deleted, 16 Draft
  modseqs BLOB NOT NULL                     -- 6 octets per UID, big-endian: the mailbox's modseq when the message last changed
) STRICT;

-- Keywords of the messages that have some.
CREATE TABLE message_keywords (
  mailbox INTEGER NOT NULL REFERENCES mailbox (id),
  uid INTEGER NOT NULL,
  keywords TEXT NOT NULL,                   -- sorted, separated by one space
  PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;

INSERT INTO message_keywords SELECT mailbox, uid, keywords FROM message WHERE keywords <> '';

WITH RECURSIVE
  slot (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM slot WHERE n + 1 < ${blockUids}),
  block (mailbox, number) AS (SELECT DISTINCT mailbox, ${block} FROM message)
INSERT INTO mark
  SELECT block.mailbox * ${mailboxBlocks} + number, block.mailbox, max(modseq),
    sum(flags & 1 = 0), sum(flags & 8 <> 0), ${octets("flags | 128", 1)}, ${octets("modseq", 6)}
  FROM block CROSS JOIN slot
    LEFT JOIN message ON message.mailbox = block.mailbox AND uid = number * ${blockUids} + slot.n
  GROUP BY block.mailbox, number;

CREATE INDEX mark_by_modseq ON mark (mailbox, modseq);
CREATE INDEX mark_unseen ON mark (mailbox) WHERE unseen > 0;
CREATE INDEX mark_deleted ON mark (mailbox) WHERE deleted > 0;

DROP TRIGGER message_added;
DROP TRIGGER message_removed;
DROP TRIGGER message_flagged;
DROP INDEX message_by_modseq;
DROP INDEX message_unseen;
DROP INDEX message_deleted;
ALTER TABLE message DROP COLUMN flags;
ALTER TABLE message DROP COLUMN keywords;
ALTER TABLE message DROP COLUMN modseq;

-- UIDs that are gone, in runs, and the mailbox's modseq at which they went (RFC 7162 VANISHED).
ALTER TABLE expunged RENAME TO expunged_one;
CREATE TABLE expunged (
  mailbox INTEGER NOT NULL REFERENCES mailbox (id),
  modseq INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (mailbox, modseq, first)
) STRICT, WITHOUT ROWID;
INSERT INTO expunged SELECT mailbox, modseq, min(uid), max(uid) FROM (
    SELECT mailbox, modseq, uid, uid - row_number() OVER (PARTITION BY mailbox, modseq ORDER BY uid) AS run FROM expunged_one
  ) GROUP BY mailbox, modseq, run;
DROP TABLE expunged_one;

CREATE TRIGGER mark_added AFTER INSERT ON mark BEGIN
  UPDATE mailbox SET unseen = unseen + new.unseen, deleted = deleted + new.deleted WHERE id = new.mailbox;
END;

CREATE TRIGGER mark_changed AFTER UPDATE ON mark
WHEN old.unseen <> new.unseen OR old.deleted <> new.deleted BEGIN
  UPDATE mailbox SET unseen = unseen + new.unseen - old.unseen, deleted = deleted + new.deleted - old.deleted
    WHERE id = new.mailbox;
END;

CREATE TRIGGER mark_removed AFTER DELETE ON mark BEGIN
  UPDATE mailbox SET unseen = unseen - old.unseen, deleted = deleted - old.deleted WHERE id = old.mailbox;
END;
`
