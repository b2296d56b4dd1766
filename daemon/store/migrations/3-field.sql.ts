/** Version 3: the header fields that SEARCH asks for by name, where the engine can compare them. */
export const fieldSchema = `
-- Decoded and folded fields of a header; several of one name are separated by LF, NULL is none of that name.
-- A content has no row when it came before this version, or when its fields are very long: then its header is read.
CREATE TABLE field (
  content INTEGER PRIMARY KEY REFERENCES content (id),
  "from" TEXT,
  "to" TEXT,
  cc TEXT,
  bcc TEXT,
  subject TEXT
) STRICT;
`
