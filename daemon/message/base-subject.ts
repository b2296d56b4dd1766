/** subj-blob = "[" *BLOBCHAR "]" *WSP (RFC 5256 §5) */
const blob = /\[[^[\]]*\][ \t]*/y
/** subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
const refwd = /(?:re|fwd?)[ \t]*(?:\[[^[\]]*\][ \t]*)?:/iy
const forwardHead = /\[fwd:/iy

/** The part of a subject that is being looked at. */
type Span = { text: string; from: number; to: number; reply: boolean }

/** Base subject (RFC 5256 §2.1) of a subject that is already decoded. Linear in its length. */
export function baseSubject(subject: string): string {
  const { text, from, to } = baseOf(subject)
  return text.slice(from, to)
}

/**
 * Whether a decoded subject is that of a reply or a forward (RFC 5256 §3, REFERENCES): on the way to its base
 * subject a subj-refwd, a "(fwd)", or a subj-fwd-hdr with its trailer goes.
 */
export function isReplyOrForward(subject: string): boolean {
  return baseOf(subject).reply
}

function baseOf(subject: string): Span {
  const text = subject.replace(/[ \t\r\n]+/g, " ") // (1)
  const span = { text, from: 0, to: text.length, reply: false }
  do {
    cutTrailers(span) // (2)
    cutLeaders(span) // (3) (4) (5)
  } while (unwrapForward(span)) // (6)
  return span
}

/** subj-trailer = "(fwd)" / WSP */
function cutTrailers(span: Span): void {
  for (;;) {
    if (span.to > span.from && span.text[span.to - 1] === " ") span.to--
    else if (span.to - 5 >= span.from && span.text.slice(span.to - 5, span.to).toLowerCase() === "(fwd)") {
      span.to -= 5
      span.reply = true
    } else return
  }
}

/**
 * subj-leader = (*subj-blob subj-refwd) / WSP. Blobs that no refwd follows go one after the other while
 * something is left behind them; none of them can start a leader, so they need not be tried again.
 */
function cutLeaders(span: Span): void {
  for (;;) {
    while (span.from < span.to && span.text[span.from] === " ") span.from++
    let at = span.from
    let beforeLast = at
    for (let next = end(blob, span, at); next > at; next = end(blob, span, at)) {
      beforeLast = at
      at = next
    }
    const after = end(refwd, span, at)
    if (after > at) {
      span.from = after
      span.reply = true
    } else {
      span.from = at < span.to ? at : beforeLast
      return
    }
  }
}

/** subj-fwd = subj-fwd-hdr subject subj-fwd-trl, that is "[fwd:" … "]" */
function unwrapForward(span: Span): boolean {
  const inside = end(forwardHead, span, span.from)
  if (inside === span.from || span.text[span.to - 1] !== "]" || inside >= span.to) return false
  span.from = inside
  span.to--
  span.reply = true
  return true
}

/** Where the pattern ends if it matches here within the span, else `at`. */
function end(pattern: RegExp, span: Span, at: number): number {
  pattern.lastIndex = at
  return pattern.test(span.text) && pattern.lastIndex <= span.to ? pattern.lastIndex : at
}
