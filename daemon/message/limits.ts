/** What one message may make the parser keep. Offsets and counts stay exact whatever the limits are. */
export type ParserLimits = {
  /** Levels of multipart and message/rfc822, counted from the message itself; what is deeper is an opaque leaf. */
  depth: number
  /** Parts in all; from there on the rest of the message belongs to the last one. */
  parts: number
  /** Octets kept of one header block. */
  headerBytes: number
  /** Octets read for their fields in all header blocks together; parts after that have default headers. */
  allHeaderBytes: number
  /** Addresses in all, group markers included; envelopes after that have none. */
  addresses: number
  /** Octets of text bodies that are decoded, in all. */
  textBytes: number
  /** UTF-16 units of text for search, in all, for header and body each. */
  textCharacters: number
}

export const defaultLimits: ParserLimits = {
  depth: 100,
  parts: 10_000,
  headerBytes: 1_048_576,
  allHeaderBytes: 16_777_216,
  addresses: 100_000,
  textBytes: 8_388_608,
  textCharacters: 2_097_152,
}
