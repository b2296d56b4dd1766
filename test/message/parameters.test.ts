import assert from "node:assert/strict"
import { test } from "node:test"
import { decodedParameter, parseContentType, parseDisposition } from "../../daemon/message/parameters.ts"

const types: [value: string, expected: [type: string, ...parameters: string[]] | null][] = [
  ["text/plain", ["text/plain"]],
  [' Text / HTML ; CharSet = "utf-8" ', ["Text/HTML", "CharSet=utf-8"]],
  ["text/plain; charset=us-ascii (Plain text)", ["text/plain", "charset=us-ascii"]],
  ["(a) text/plain (b); (c) x (d) = (e) y (f)", ["text/plain", "x=y"]],
  [String.raw`a/b; name="x\"y\\z;=.txt"; q=1`, ["a/b", String.raw`name=x"y\z;=.txt`, "q=1"]],
  ["multipart/mixed; boundary=----=_Part_1/2?3", ["multipart/mixed", "boundary=----=_Part_1/2?3"]],
  ["a/b; name=my file (1).pdf; x=1", ["a/b", "name=my file (1).pdf", "x=1"]],
  ['a/b; x="1" y="2"', ["a/b", "x=1", "y=2"]],
  ["a/b; ;; novalue; =x; x=; y", ["a/b", "x="]],
  ['a/b; name="open', ["a/b", "name=open"]],
  ["a/b; x=\xe9", ["a/b", "x=\xe9"]],
  // RFC 2231 §3 and §4.1
  [
    'message/external-body; URL*0="ftp://"; URL*1="cs.utk.edu/pub/moore"; access-type=URL',
    ["message/external-body", "URL=ftp://cs.utk.edu/pub/moore", "access-type=URL"],
  ],
  [
    "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
    ["application/x-stuff", "title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"],
  ],
  [
    `application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn't it!"`,
    ["application/x-stuff", "title*=us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!"],
  ],
  ["a/b; n*1=y; n*0=x; m=2", ["a/b", "n=xy", "m=2"]],
  ["a/b; n*0=x; n*2=z", ["a/b", "n=x", "n*2=z"]],
  ["a/b; n*1=y", ["a/b", "n*1=y"]],
  ["a/b; n*0=x; n*1*=%20", ["a/b", "n*=''x%20"]],
  ["text", null],
  ["text/", null],
  ["/plain", null],
  ["", null],
]
for (const [value, expected] of types) {
  test(`Content-Type ${value}`, () => {
    const parsed = parseContentType(value)
    const written = parsed && [`${parsed.type}/${parsed.subtype}`, ...parsed.parameters.map((pair) => pair.join("="))]
    assert.deepEqual(written, expected)
  })
}

const names: [disposition: string, name: string | null][] = [
  ["attachment", null],
  ["attachment; filename=a.txt", "a.txt"],
  ['attachment; filename="=?utf-8?B?w6Q=?=.txt"', "ä.txt"],
  ["attachment; filename*=utf-8''%e2%82%ac%20rates.txt; filename=euro.txt", "€ rates.txt"],
  ["attachment; filename*0*=iso-8859-1'de'%e4; filename*1=b.txt", "äb.txt"],
  ["attachment; filename*=no-quotes%20at%20all", "no-quotes at all"],
  ["attachment; filename=\xc3\xa4.txt", "ä.txt"],
]
for (const [disposition, name] of names) {
  test(`file name in ${disposition}`, () => {
    assert.equal(decodedParameter(parseDisposition(disposition)?.parameters ?? [], "filename"), name)
  })
}

test("a disposition without a type is none", () => assert.equal(parseDisposition("; filename=x"), null))
