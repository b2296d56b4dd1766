/** Version 2: annotations of mailboxes and of the whole account (RFC 5464). */
export const annotationSchema = `
CREATE TABLE annotation (
  mailbox INTEGER NOT NULL,                 -- mailbox.id, or 0 for the whole account
  entry TEXT NOT NULL COLLATE NOCASE,       -- "/private/comment", in lower case
  value BLOB NOT NULL,
  PRIMARY KEY (mailbox, entry)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER mailbox_removed AFTER DELETE ON mailbox BEGIN
  DELETE FROM annotation WHERE mailbox = old.id;
END;
`
