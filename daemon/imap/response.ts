/** Everything that turns values into what IMAP sends, in one place to import from. */
export {
  continuation,
  type PlainCode,
  type ResponseCode,
  responseCodeText,
  type Status,
  tagged,
  textWire,
  untagged,
} from "./response-code.ts"
export { bodyWire, envelopeWire } from "./structure.ts"
export {
  astringWire,
  dateTimeWire,
  flagListWire,
  latin1Bytes,
  mailboxWire,
  nstringWire,
  rangesWire,
  sectionWire,
  sequenceSetWire,
  stringWire,
} from "./wire.ts"
export { type ByteSink, LiteralMismatch, PeerGone, ResponseWriter } from "./writer.ts"
