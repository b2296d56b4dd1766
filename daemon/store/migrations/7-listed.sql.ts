/** Version 7: the header fields that clients ask for of every message, densely, so that listing them reads no header. */
export const listedSchema = `
-- The exact octets of some fields of a header, in the form of \`daemon/message/listed-fields.ts\`; NULL when they are
-- very long: then the header is read.
CREATE TABLE listed (
  content INTEGER PRIMARY KEY REFERENCES content (id),
  fields BLOB
) STRICT;

-- Contents below this id came before version 7, and get their rows in \`listed\` little by little, in ascending order.
-- 0 when they all have.
ALTER TABLE account ADD COLUMN unlisted_below INTEGER NOT NULL DEFAULT 0;
UPDATE account SET unlisted_below = (SELECT coalesce(max(id), -1) + 1 FROM content);
`
