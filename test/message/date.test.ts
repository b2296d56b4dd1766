import assert from "node:assert/strict"
import { test } from "node:test"
import { parseDate } from "../../daemon/message/date.ts"

const accepted: [value: string, sentAt: string, day: string][] = [
  ["Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06Z", "1997-11-21"],
  ["Tue, 1 Jul 2003 10:52:37 +0200", "2003-07-01T08:52:37Z", "2003-07-01"],
  ["13 Feb 1969 23:32 -0330", "1969-02-14T03:02:00Z", "1969-02-13"],
  ["Thu,\t13 Feb\t 1969  23:32:54 -0330 (Newfoundland Time)", "1969-02-14T03:02:54Z", "1969-02-13"],
  ["Thu (x), (y)13 Feb 1969 23:32 : 54 -0330", "1969-02-14T03:02:54Z", "1969-02-13"],
  ["21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06Z", "1997-11-21"],
  ["21 Nov 02 09:55:06 PST", "2002-11-21T17:55:06Z", "2002-11-21"],
  ["21 Nov 102 09:55:06 EDT", "2002-11-21T13:55:06Z", "2002-11-21"],
  ["Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T15:55:06Z", "1997-11-21"],
  ["Sunday, 5 Jan 2003 00:00:00 Z", "2003-01-05T00:00:00Z", "2003-01-05"],
  ["Sun, 5 January 2003 01:02:03 XYZ", "2003-01-05T01:02:03Z", "2003-01-05"],
  ["5 Jan 2003", "2003-01-05T00:00:00Z", "2003-01-05"],
  ["Sun, 5 Jan 2003 1:2:3", "2003-01-05T01:02:03Z", "2003-01-05"],
  ["Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z", "2016-12-31"],
  ["5 Jan 2003 25:61:00 +0100", "2003-01-04T23:00:00Z", "2003-01-05"], // RFC 5256 §2.2: invalid time is 00:00:00
  ["5 Jan 2003 10:00:00 +0199", "2003-01-05T10:00:00Z", "2003-01-05"], // and an invalid zone UTC
  ["Fri Nov 21 09:55:06 1997", "1997-11-21T09:55:06Z", "1997-11-21"],
  ["Fri Nov  1 09:55:06 PST 1997", "1997-11-01T17:55:06Z", "1997-11-01"],
  ["29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00Z", "2000-02-29"],
]
for (const [value, sentAt, day] of accepted) {
  test(`date ${value}`, () => {
    assert.deepEqual(parseDate(value), { sentAt: Date.parse(sentAt), sentDay: Date.parse(day) / 86_400_000 })
  })
}

const refused = [
  "",
  "yesterday",
  "Fri Nov 21 97",
  "30 Feb 2003 00:00:00 +0000",
  "0 Jan 2003",
  "5 Foo 2003",
  "5 Jan",
  "2003-01-05T10:00:00Z",
  "5 Jan 1066",
  "((((",
  "Wed, (5 Jan 2003",
]
for (const value of refused) test(`no date: ${value}`, () => assert.equal(parseDate(value), null))
