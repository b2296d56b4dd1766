/** Version 4: a COPY of many messages, which takes several transactions, is whole or not at all also after a crash. */
export const copyingSchema = `
-- UIDs that a COPY gave to its copies in one transaction, until it is finished. What is here at open is taken back.
CREATE TABLE copying (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  mailbox INTEGER NOT NULL,                 -- mailbox.id
  first INTEGER NOT NULL,                   -- UIDs from first to last; others may have removed some since
  last INTEGER NOT NULL
) STRICT;

CREATE TRIGGER copying_removed AFTER DELETE ON mailbox BEGIN
  DELETE FROM copying WHERE mailbox = old.id;
END;
`
