import assert from "node:assert/strict"
import { test } from "node:test"
import { baseSubject, isReplyOrForward } from "../../daemon/message/base-subject.ts"
import { boundedKey, collationKey, compareKeys } from "../../daemon/message/collation.ts"
import { decodeWords } from "../../daemon/message/encoded-words.ts"

const decoded: [value: string, expected: string][] = [
  ["plain", "plain"],
  // RFC 2047 §8
  ["=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"],
  ["=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"],
  [
    "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
    "If you can read this you understand the example.",
  ],
  ["(=?ISO-8859-1?Q?a?= b)", "(a b)"],
  ["(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"],
  ["(=?ISO-8859-1?Q?a_b?=)", "(a b)"],
  ["(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"],
  ["=?us-ascii*en?q?language?=", "language"], // RFC 2231 §5
  ["=?utf-8?b?4oI=?= =?UTF-8?b?rA==?=", "€"], // one character in two words
  ["=?utf-8?q?=E2=82?= =?utf-8?b?rA==?=", "€"],
  ["=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"],
  ["=?iso-2022-jp?B?GyRCRnwbKEI=?= =?iso-2022-jp?B?GyRCS1wbKEI=?=", "日本"],
  ["=?koi8-r?Q?=F0?=", "П"],
  ["=?x-nobody-knows?Q?=E9?=", "é"],
  ["a=?utf-8?q?b?=c", "abc"],
  ["=?utf-8?q?a b?=", "a b"], // blanks are forbidden there, and sent
  ["=?utf-8?q?x=3D=ZZ=?=", "x==ZZ="],
  ["=?utf-8?q?line=0D=0Abreak=00?=", "line break "],
  ["=?utf-8?x?what?=", "=?utf-8?x?what?="],
  ["=?utf-8?q?open", "=?utf-8?q?open"],
  ["=?", "=?"],
  ["caf\xc3\xa9", "café"], // RFC 6532
  ["caf\xe9 =?utf-8?q?=C3=A9?=", "café é"],
]
for (const [value, expected] of decoded)
  test(`encoded words in ${value}`, () => assert.equal(decodeWords(value), expected))

const bases: [subject: string, base: string][] = [
  ["", ""],
  ["Hello", "Hello"],
  ["Re: Hello", "Hello"],
  ["RE: re:\tFWD:  Fw : Hello (fwd) (FWD) ", "Hello"],
  ["Re[2]: Hello", "Hello"],
  ["Re [list] : Hello", "Hello"],
  ["[list] Re: [other] Hello", "Hello"],
  ["[a] [b] Re: Hello", "Hello"],
  ["[list]", "[list]"],
  ["[a] [b]", "[b]"],
  ["Re: [list]", "[list]"],
  ["[fwd: Re: Hello (fwd)]", "Hello"],
  ["[Fwd: [fwd: Hello]]", "Hello"],
  ["Re: [Fwd: Hello] (fwd)", "Hello"],
  ["Hello [list]", "Hello [list]"],
  ["Hello   big\t world", "Hello big world"],
  ["Re:", ""],
  ["(fwd)", ""],
  ["Reply: x", "Reply: x"],
  ["[unclosed Re: x", "[unclosed Re: x"],
  ["Ré: x", "Ré: x"],
]
for (const [subject, base] of bases)
  test(`base subject of ${JSON.stringify(subject)}`, () => assert.equal(baseSubject(subject), base))

/** RFC 5256 §3: what makes a message a reply or a forward. */
const replies: [subject: string, isReply: boolean][] = [
  ["Lunch", false],
  ["Re: Lunch", true],
  ["RE[2]: Lunch", true],
  ["fw: Lunch", true],
  ["Lunch (fwd)", true],
  ["[Fwd: Lunch]", true],
  ["[list] Lunch", false],
  ["[list] Re: Lunch", true],
  [" Lunch ", false],
  ["Regarding: Lunch", false],
]
for (const [subject, isReply] of replies) {
  test(`reply or forward: ${subject}`, () => assert.equal(isReplyOrForward(subject), isReply))
}

/** RFC 5051 §2 */
const inOrder: [smaller: string, larger: string][] = [
  ["a", "B"],
  ["\ufffd", "\u{1f408}"], // by code point, not by UTF-16 unit
  ["", "a"],
]
for (const [smaller, larger] of inOrder) {
  test(`collation: ${JSON.stringify(smaller)} before ${JSON.stringify(larger)}`, () => {
    assert.ok(compareKeys(collationKey(smaller), collationKey(larger)) < 0)
    assert.ok(compareKeys(collationKey(larger), collationKey(smaller)) > 0)
  })
}
const equal: [a: string, b: string][] = [
  ["ABC", "abc"],
  ["\u00e9", "E\u0301"],
  ["\u01c6", "\u01c4"], // a digraph and its capital
]
for (const [a, b] of equal) {
  test(`collation: ${a} is ${b}`, () => assert.equal(collationKey(a), collationKey(b)))
}

const bounded: [what: string, text: string, key: string][] = [
  ["a short one", "Straße é", collationKey("Straße é")],
  ["a long one", `${"a".repeat(499)}bcd`, `${"A".repeat(499)}B`],
  ["one that grows when it is decomposed", "\ufdfa".repeat(400), "\ufdfa".normalize("NFKD").repeat(400).slice(0, 500)],
  ["one that is cut within a character", `${"a".repeat(499)}\u{1f600}`, `${"A".repeat(499)}\ud83d`],
]
for (const [what, text, key] of bounded) {
  test(`the key of the beginning of ${what}`, () => assert.equal(boundedKey(text), key))
}
