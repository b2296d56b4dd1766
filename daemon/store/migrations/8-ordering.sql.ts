import { comparedCharacters } from "../../message/collation.ts"

/** Version 8: what SORT by date or subject compares, apart from what is large. */
export const orderingSchema = `
-- Of each content the date, and the beginning of the base subject, kept by triggers: a fiftieth of what there is to read
-- in \`content\`.
-- Contents that came before this version are added from the newest to the oldest, in slices, after the mailbox was
-- opened: below the lowest id here they are not in it yet.
CREATE TABLE ordering (
  content INTEGER PRIMARY KEY REFERENCES content (id),
  sent_at INTEGER,
  base_subject TEXT NOT NULL
) STRICT;

CREATE TRIGGER content_described AFTER UPDATE OF sent_at, base_subject ON content BEGIN
  INSERT INTO ordering (content, sent_at, base_subject) VALUES (new.id, new.sent_at, substr(new.base_subject, 1, ${comparedCharacters}))
    ON CONFLICT DO UPDATE SET sent_at = excluded.sent_at, base_subject = excluded.base_subject;
END;

CREATE TRIGGER content_removed BEFORE DELETE ON content BEGIN
  DELETE FROM ordering WHERE content = old.id;
END;
`
