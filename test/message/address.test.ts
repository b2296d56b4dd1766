import assert from "node:assert/strict"
import { test } from "node:test"
import { addressText, parseAddresses } from "../../daemon/message/address.ts"

type Row = [name: string | null, route: string | null, mailbox: string | null, host: string | null]
const end: Row = [null, null, null, null]

const lists: [value: string, expected: Row[]][] = [
  ["", []],
  [" , ,", []],
  ["a@b.c", [[null, null, "a", "b.c"]]],
  ["<a@b.c>", [[null, null, "a", "b.c"]]],
  ["Joe Q. Public <john.q.public@example.com>", [["Joe Q. Public", null, "john.q.public", "example.com"]]],
  [
    'Mary Smith <mary@x.test>, jdoe@example.org, "Who?" <one@y.test>',
    [
      ["Mary Smith", null, "mary", "x.test"],
      [null, null, "jdoe", "example.org"],
      ["Who?", null, "one", "y.test"],
    ],
  ],
  [
    String.raw`"Giant; \"Big\" Box" <sysservices@example.net>`,
    [[`Giant; "Big" Box`, null, "sysservices", "example.net"]],
  ],
  [
    "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
    [
      [null, null, "A Group", null],
      ["Ed Jones", null, "c", "a.test"],
      [null, null, "joe", "where.test"],
      ["John", null, "jdoe", "one.test"],
      end,
    ],
  ],
  ["Undisclosed recipients:;", [[null, null, "Undisclosed recipients", null], end]],
  ["g: a@b", [[null, null, "g", null], [null, null, "a", "b"], end]],
  [
    "x@y, g1: a@b; g2:;, z@z",
    [
      [null, null, "x", "y"],
      [null, null, "g1", null],
      [null, null, "a", "b"],
      end,
      [null, null, "g2", null],
      end,
      [null, null, "z", "z"],
    ],
  ],
  ["Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", [["Pete", null, "pete", "silly.test"]]],
  ["user@host (Full (nested) Name)", [["Full (nested) Name", null, "user", "host"]]],
  ["<@machine.tld,@other:mary@example.net>", [[null, "@machine.tld,@other", "mary", "example.net"]]],
  ["jdoe@test   . example", [[null, null, "jdoe", "test.example"]]],
  ["john . q . public @ x", [[null, null, "john.q.public", "x"]]],
  [`"quoted local"@x.y`, [[null, null, "quoted local", "x.y"]]],
  ["a@[127.0.0.1]", [[null, null, "a", "[127.0.0.1]"]]],
  ["=?utf-8?q?J=C3=B6rg?= <j@x>", [["=?utf-8?q?J=C3=B6rg?=", null, "j", "x"]]],
  [
    "=?utf-8?q?Doe,_J_(x)?= <j@x>, =?utf-8?q?open, k@y",
    [
      ["=?utf-8?q?Doe,_J_(x)?=", null, "j", "x"],
      [null, null, "=?utf-8?q?open", "MISSING_DOMAIN"],
      [null, null, "k", "y"],
    ],
  ],
  ["a@b <a@b>", [["a@b", null, "a", "b"]]],
  ["J\xf6rg <j@x>", [["J\xf6rg", null, "j", "x"]]],
  // broken ones: always a mailbox and a host
  ["bob", [[null, null, "bob", "MISSING_DOMAIN"]]],
  [
    "bob, a@b",
    [
      [null, null, "bob", "MISSING_DOMAIN"],
      [null, null, "a", "b"],
    ],
  ],
  ["two words", [["two words", null, "MISSING_MAILBOX", "MISSING_DOMAIN"]]],
  ["Name <>", [["Name", null, "MISSING_MAILBOX", "MISSING_DOMAIN"]]],
  ["@host", [[null, null, "MISSING_MAILBOX", "host"]]],
  ["<a@b@c>", [[null, null, "a@b", "c"]]],
  ["a@b@c", [[null, null, "a@b", "c"]]],
  [
    "<a@b, c@d",
    [
      [null, null, "a", "b"],
      [null, null, "c", "d"],
    ],
  ],
  ["Joe joe@x", [["Joe", null, "joe", "x"]]],
  [`"open <a@b>`, [[null, null, "open <a@b>", "MISSING_DOMAIN"]]],
  ["(only a comment", []],
  [
    "a@b; c@d",
    [
      [null, null, "a", "b"],
      [null, null, "c", "d"],
    ],
  ],
  ["a@[1.2", [[null, null, "a", "[1.2"]]],
]
for (const [value, expected] of lists) {
  test(`addresses in ${JSON.stringify(value)}`, () => {
    const rows = parseAddresses(value).map(({ name, route, mailbox, host }) => [name, route, mailbox, host])
    assert.deepEqual(rows, expected)
  })
}

const shown: [value: string, texts: string[]][] = [
  ['"Doe, \\"J\\" Jane" <jane (work)@ example.org>', ['Doe, "J" Jane <jane@example.org>']],
  ["jane@example.org (Jane)", ["Jane <jane@example.org>"]],
  ["team: a@b.c, root;", ["team", "a@b.c", "root", ""]],
  ["Name <>", ["Name"]],
]
for (const [value, texts] of shown) {
  test(`text of ${value}`, () => assert.deepEqual(parseAddresses(value).map(addressText), texts))
}
