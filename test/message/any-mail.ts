import fc from "fast-check"
import { octets } from "./octets.ts"

/** Pieces of mail that are likely to meet in the wrong order. */
const pieces = [
  "--a",
  "--a--",
  "--ab",
  "--b--",
  "-",
  "--",
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  "\n\n",
  "\0",
  "\xff",
  " ",
  ":",
  "Content-Type: multipart/mixed; boundary=a\r\n",
  'Content-Type: multipart/digest; boundary="ab"\n',
  "Content-Type: multipart/alternative; boundary=b\r\n",
  "Content-Type: multipart/mixed\r\n",
  "Content-Type: message/rfc822\r\n",
  "Content-Type: text/html\r\n",
  "Content-Type: text/plain; charset=utf-8\r\n",
  "Content-Transfer-Encoding: base64\r\n",
  "Content-Transfer-Encoding: quoted-printable\r\n",
  "Content-Disposition: attachment; filename*0*=utf-8''%c3; filename*1=x\r\n",
  "Subject: =?utf-8?q?=C3?= =?utf-8?q?=A9?=\r\n x\r\n",
  'From: "a" <b@c>, d: e@f;\r\n',
  "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n",
  "text =E9 &amp; <p>",
  "aGVsbG8=",
]
/** Mail of all kinds, most of it broken. */
export const anyMail = fc.oneof(
  fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((chosen) => octets(chosen.join(""))),
  fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 8, unit: "binary" })), { maxLength: 40 })
    .map((chosen) => Buffer.from(chosen.join(""))),
)
