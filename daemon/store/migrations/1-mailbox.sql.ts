/**
 * Version 1: everything of one user's mailbox. A released file is never edited; the next change is file 2.
 * All times are ms since the epoch unless a column says otherwise.
 */
export const mailboxSchema = `
-- One row: what belongs to the whole account.
CREATE TABLE account (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  created_at INTEGER NOT NULL,              -- when this file was made
  object_tag TEXT NOT NULL,                 -- random; part of every object id (RFC 8474), so that two files never share one
  uid_validity INTEGER NOT NULL DEFAULT 0,  -- the highest UIDVALIDITY ever given to a mailbox
  slots_version INTEGER NOT NULL DEFAULT 0, -- counts changes of \`slot\`; an old slot file put back is detected by it
  messages INTEGER NOT NULL DEFAULT 0,      -- rows of \`message\`, kept by triggers
  bytes INTEGER NOT NULL DEFAULT 0          -- sum of \`message.size\`, kept by triggers; copies count
) STRICT;

-- A folder. Deleting and making it again gives a new row, so an id never means two mailboxes.
CREATE TABLE mailbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,                -- Unicode NFC, levels separated by "/", INBOX in capitals
  uid_validity INTEGER NOT NULL,            -- RFC 3501 section 2.3.1.1
  uid_next INTEGER NOT NULL DEFAULT 1,      -- the UID of the next message
  modseq INTEGER NOT NULL DEFAULT 1,        -- HIGHESTMODSEQ (RFC 7162)
  recent_from INTEGER NOT NULL DEFAULT 1,   -- the first UID that no session was told of
  special_use TEXT,                         -- RFC 6154 attribute with its backslash, or NULL
  selectable INTEGER NOT NULL DEFAULT 1 CHECK (selectable IN (0, 1)), -- 0: only a name above others (\\Noselect)
  messages INTEGER NOT NULL DEFAULT 0,      -- the four counters of STATUS, kept by triggers
  unseen INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  size INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The highest UIDVALIDITY each name ever had; a mailbox renamed to an old name must not go below it.
CREATE TABLE past_name (
  name TEXT PRIMARY KEY,
  uid_validity INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Names that were subscribed; they need not exist (RFC 3501 section 6.3.6).
CREATE TABLE subscription (
  name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What a message is, once, however many mailboxes hold a copy. The columns FETCH ENVELOPE, SORT and THREAD need.
CREATE TABLE content (
  id INTEGER PRIMARY KEY AUTOINCREMENT,     -- never given twice: EMAILID is made of it
  size INTEGER NOT NULL,                    -- RFC822.SIZE, octets
  thread INTEGER NOT NULL DEFAULT 0,        -- id of the thread's first content: THREADID is made of it; never changes
  header_size INTEGER NOT NULL DEFAULT 0,   -- octets of the header block; they are the message's first
  sent_at INTEGER,                          -- Date header, NULL when unreadable
  sent_day INTEGER,                         -- day as written in Date, days since the epoch
  message_id TEXT,                          -- Message-ID
  mentions TEXT NOT NULL DEFAULT '[]',      -- References or In-Reply-To, JSON array (RFC 5256 section 3)
  subject TEXT NOT NULL DEFAULT '',         -- decoded
  base_subject TEXT NOT NULL DEFAULT '',    -- RFC 5256 section 2.1
  preview TEXT NOT NULL DEFAULT '',         -- RFC 8970
  envelope BLOB NOT NULL DEFAULT x''        -- ENVELOPE as IMAP writes it
) STRICT;
CREATE INDEX content_of_thread ON content (thread);

-- The MIME structure of a content, in the forms in which it is asked for.
CREATE TABLE structure (
  content INTEGER PRIMARY KEY REFERENCES content (id),
  body_structure BLOB NOT NULL,             -- BODYSTRUCTURE as IMAP writes it
  body BLOB NOT NULL,                       -- BODY as IMAP writes it
  tree_packing INTEGER NOT NULL,            -- how \`tree\` is stored: 0 as it is, 1 zstd, 3 DEFLATE
  tree BLOB NOT NULL                        -- the tree of parts with their offsets, JSON
) STRICT;

-- Decoded text of a content, for SEARCH to compare with.
CREATE TABLE words (
  content INTEGER PRIMARY KEY REFERENCES content (id),
  complete INTEGER NOT NULL CHECK (complete IN (0, 1)),   -- 0: body_text was cut by the parser
  indexed INTEGER NOT NULL CHECK (indexed IN (0, 1)),     -- 0: not all of the text is in \`trigram\`, so this content is always a candidate
  header_packing INTEGER NOT NULL,          -- 0 as it is, 1 zstd, 3 DEFLATE, 2 behind the octets of piece 0 (then header_text is empty)
  header_text BLOB NOT NULL,                -- decoded header fields, UTF-8
  body_packing INTEGER NOT NULL,            -- 0 as it is, 1 zstd, 3 DEFLATE, 2 behind the octets of piece 1 (then body_text is empty)
  body_text BLOB NOT NULL                   -- decoded text of the parts, UTF-8
) STRICT;
CREATE INDEX words_not_indexed ON words (content) WHERE indexed = 0;

-- The octets of a content. The row's id is content * 2^20 + number, numbers ascending with the offset; number 0 is
-- the header by itself where it is small, so that HEADER reads no body.
CREATE TABLE piece (
  id INTEGER PRIMARY KEY,
  offset INTEGER NOT NULL,                  -- octets of the message before this piece
  length INTEGER NOT NULL CHECK (length BETWEEN 1 AND 262144), -- octets in this piece, unpacked
  packing INTEGER NOT NULL,                 -- 0 as it is, 1 zstd, 3 DEFLATE
  bytes BLOB NOT NULL                       -- the octets; behind them may stand the text decoded from them, which the compressor then gets nearly free
) STRICT;

-- Contents no message refers to: bytes still arriving, or not yet linked. What is here at open is swept.
CREATE TABLE unlinked (
  content INTEGER PRIMARY KEY REFERENCES content (id)
) STRICT;

-- Which thread a Message-ID belongs to.
CREATE TABLE reference (
  hash BLOB PRIMARY KEY,                    -- first 16 bytes of SHA-256 of the Message-ID
  thread INTEGER NOT NULL                   -- as content.thread
) STRICT, WITHOUT ROWID;
CREATE INDEX reference_of_thread ON reference (thread);

-- A content in a mailbox. Everything FETCH FLAGS and its like need is here, so they read this one tree.
CREATE TABLE message (
  mailbox INTEGER NOT NULL REFERENCES mailbox (id),
  uid INTEGER NOT NULL,
  content INTEGER NOT NULL REFERENCES content (id),
  flags INTEGER NOT NULL,                   -- bits: 1 Seen, 2 Answered, 4 Flagged, 8 Deleted, 16 Draft
  keywords TEXT NOT NULL DEFAULT '',        -- sorted, separated by one space
  modseq INTEGER NOT NULL,                  -- the mailbox's modseq when this message last changed
  internal_date INTEGER NOT NULL,           -- INTERNALDATE
  internal_zone INTEGER NOT NULL,           -- the zone it was given with, minutes east of UTC
  saved_at INTEGER NOT NULL,                -- when it entered this mailbox (RFC 8514)
  size INTEGER NOT NULL,                    -- content.size
  thread INTEGER NOT NULL,                  -- content.thread
  PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_by_modseq ON message (mailbox, modseq);
CREATE INDEX message_of_content ON message (content, mailbox);
CREATE INDEX message_unseen ON message (mailbox, uid) WHERE flags & 1 = 0;
CREATE INDEX message_deleted ON message (mailbox, uid) WHERE flags & 8 <> 0;

-- UIDs that are gone, and the mailbox's modseq at which they went (RFC 7162 VANISHED).
CREATE TABLE expunged (
  mailbox INTEGER NOT NULL REFERENCES mailbox (id),
  modseq INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  PRIMARY KEY (mailbox, modseq, uid)
) STRICT, WITHOUT ROWID;

-- Keywords that were ever used in a mailbox.
CREATE TABLE keyword (
  mailbox INTEGER NOT NULL REFERENCES mailbox (id),
  folded TEXT NOT NULL,                     -- lower case, for comparing
  spelling TEXT NOT NULL,                   -- as first written
  PRIMARY KEY (mailbox, folded)
) STRICT, WITHOUT ROWID;

-- Spool files whose message is already in a mailbox, until the file is gone.
CREATE TABLE delivery (
  id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- The user's own list of key slots. No key material.
CREATE TABLE slot (
  id TEXT PRIMARY KEY,                      -- slot id, lower-case hex
  kind TEXT NOT NULL CHECK (kind IN ('password', 'app', 'recovery', 'escrow')),
  label TEXT NOT NULL,                      -- the user's name for it
  state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'retired')),
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,                     -- NULL: never
  expires_at INTEGER                        -- NULL: does not
) STRICT, WITHOUT ROWID;

-- Which contents hold which three characters, of folded text. It narrows SEARCH down and never decides it.
CREATE VIRTUAL TABLE trigram USING fts5(
  folded, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1', detail = none
);
INSERT INTO trigram (trigram, rank) VALUES ('hashsize', 4194304);

CREATE TRIGGER message_added AFTER INSERT ON message BEGIN
  UPDATE mailbox SET messages = messages + 1, unseen = unseen + (new.flags & 1 = 0),
    deleted = deleted + (new.flags & 8 <> 0), size = size + new.size WHERE id = new.mailbox;
  UPDATE account SET messages = messages + 1, bytes = bytes + new.size;
  DELETE FROM unlinked WHERE content = new.content;
END;

CREATE TRIGGER message_removed AFTER DELETE ON message BEGIN
  UPDATE mailbox SET messages = messages - 1, unseen = unseen - (old.flags & 1 = 0),
    deleted = deleted - (old.flags & 8 <> 0), size = size - old.size WHERE id = old.mailbox;
  UPDATE account SET messages = messages - 1, bytes = bytes - old.size;
  INSERT INTO unlinked SELECT old.content WHERE NOT EXISTS (SELECT 1 FROM message WHERE content = old.content);
END;

CREATE TRIGGER message_flagged AFTER UPDATE OF flags ON message WHEN (old.flags & 9) <> (new.flags & 9) BEGIN
  UPDATE mailbox SET unseen = unseen + (new.flags & 1 = 0) - (old.flags & 1 = 0),
    deleted = deleted + (new.flags & 8 <> 0) - (old.flags & 8 <> 0) WHERE id = new.mailbox;
END;
`
