/** Characters of a preview (RFC 8970 §3.1: 200 SHOULD, 256 MUST). */
const mostCharacters = 200

/** Enough text for most messages, and for those with a long quotation in front. */
const [firstRead, mostRead] = [4096, 65_536]

/** The first readable text of a body: quoted lines left out if there are others, white space collapsed. */
export function previewOf(text: string): string {
  const preview = text.length > firstRead ? unquoted(text.slice(0, firstRead)) : ""
  if (Array.from(preview).length === mostCharacters) return preview
  const head = text.slice(0, mostRead)
  return unquoted(head) || shortened(head)
}

function unquoted(text: string): string {
  return shortened(
    text
      .split("\n")
      .filter((line) => !line.trimStart().startsWith(">"))
      .join(" "),
  )
}

/** Whole characters only: a surrogate pair is not cut. */
function shortened(text: string): string {
  const line = text.replace(/(?:[\p{White_Space}\p{Cc}\u200b\u200c\u2060\ufeff\u00ad]|\u034f)+/gu, " ").trim()
  const units = line.slice(0, mostCharacters * 2)
  return Array.from(units).slice(0, mostCharacters).join("").trimEnd()
}
