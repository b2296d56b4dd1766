/** The index that takes the other's place, as it begins. */
export const nextIndex = `
CREATE VIRTUAL TABLE trigram_next USING fts5(
  folded, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1', detail = none
);
INSERT INTO trigram_next (trigram_next, rank)
  VALUES ('hashsize', 4194304), ('automerge', 0), ('deletemerge', 0), ('crisismerge', 64), ('usermerge', 8);
`

/**
 * Version 6: the search index is kept in order beside the connections, a little at a time (`index-merge.ts`, `index-renewal.ts`).
 * Before, the engine did that inside the transaction that happened to be next, which then took seconds.
 */
export const indexUpkeepSchema = `
-- Contents that are gone, and whose characters \`trigram\` still names somewhere.
ALTER TABLE account ADD COLUMN index_gone INTEGER NOT NULL DEFAULT 0;
-- While the index is made anew: the last content that is in \`trigram_next\`; new ones go there, too. Else NULL.
ALTER TABLE account ADD COLUMN index_renewed INTEGER;

INSERT INTO trigram (trigram, rank) VALUES ('automerge', 0), ('deletemerge', 0), ('crisismerge', 64), ('usermerge', 8);

-- Empty, but while the index is made anew.
${nextIndex}`
