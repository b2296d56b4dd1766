/** Where the readers differ about real messages: the file's name up to its first dot, facts, and why ours is as it is. */
type KnownFacts = [files: string[], reader: "python" | "postal", facts: string[], why: string]

const nameIsAddress =
  "RFC 3501 §7.4.2: the name is the one that was written; postal-mime leaves one out that is the address again"
const phrases =
  "RFC 5322 §3.2.2, §3.2.4: white space counts within quotes and is one space elsewhere; postal-mime trims"
const emptyParameter = 'parameter := attribute "=" value (RFC 2045 §5.1); this is none'

export const knownCorpus: KnownFacts[] = [
  [
    ["easy-ham-1-00011"],
    "python",
    [" from", " replyTo"],
    "RFC 2047 §5 wants white space around an encoded word; senders leave it out, and only Python minds",
  ],
  [["easy-ham-1-00495"], "python", [" to"], "RFC 5322 §3.2.2: ccontent may be a comment; Python drops its parentheses"],
  [["easy-ham-1-00495"], "postal", [" to"], "RFC 5322 §3.2.2: comments nest; not for postal-mime"],
  [["easy-ham-1-00714"], "postal", [" cc"], "RFC 5322 §4.1 obs-qtext has control characters; postal-mime drops them"],
  [
    [
      "easy-ham-1-00080",
      "easy-ham-1-01050",
      "easy-ham-1-01054",
      "easy-ham-1-01057",
      "easy-ham-1-01114",
      "easy-ham-1-01116",
      "easy-ham-1-01195",
      "easy-ham-1-01207",
      "easy-ham-1-01214",
      "easy-ham-1-01226",
      "easy-ham-1-01250",
    ],
    "postal",
    [" from"],
    phrases,
  ],
  [["hard-ham-1-00060"], "postal", [" from", " sender", " replyTo"], phrases],
  [["hard-ham-1-00006", "hard-ham-1-00174", "hard-ham-1-00240", "hard-ham-1-00242"], "postal", [" to"], nameIsAddress],
  [["hard-ham-1-00150"], "postal", [" replyTo", " to"], nameIsAddress],
  [["hard-ham-1-00154"], "postal", [" from", " sender"], nameIsAddress],
  [["hard-ham-1-00200"], "python", ["1 parameters"], emptyParameter],
  [["hard-ham-1-00200"], "postal", ["1 parameters"], emptyParameter],
  [
    ["bare-lf"],
    "python",
    ["2 octets", "2 size", "2 lines", "2 decoded"],
    "RFC 2046 §5.1.1: only the line end before a boundary belongs to it; this multipart is not closed",
  ],
  [
    ["bare-lf"],
    "postal",
    [" readable subject", "2 readable octets"],
    "no RFC gives raw octets a meaning; postal.ts cannot tell the last line end from the one that postal-mime adds",
  ],
  [
    ["broken"],
    "python",
    [
      ...[
        " date",
        " subject",
        " from",
        " sender",
        " replyTo",
        " to",
        " HEADER",
        " HEADER.FIELDS",
        " HEADER.FIELDS.NOT",
      ],
      ...["1 octets", "1 size", "1 lines", "1 decoded"],
    ],
    "RFC 5322 §4.5 has white space before the colon; Python ends the header there, before its first field",
  ],
  [
    ["broken"],
    "postal",
    [" to", "TEXT parts"],
    "a quoted string that is not closed is a name for postal-mime; a multipart without parts has none",
  ],
]
