/** Version 5: old names are remembered up to a number only; before, each CREATE and DELETE left one for ever. */
export const pastNamesSchema = `
-- The highest UIDVALIDITY of a name that is no longer in \`past_name\`: a name that is not there may have had it.
ALTER TABLE account ADD COLUMN forgotten_validity INTEGER NOT NULL DEFAULT 0;
`
