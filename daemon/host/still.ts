/**
 * Octets that stay where they are until they are freed. V8 keeps typed arrays of up to 64 octets inside its
 * heap, where the garbage collector copies them about and leaves old copies behind; what is made on an
 * ArrayBuffer of its own is outside. For secrets that are too short-lived for guarded memory.
 */
export function stillBytes(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(length))
}

/** A copy that stays where it is. */
export function stillCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = stillBytes(bytes.length)
  copy.set(bytes)
  return copy
}

/** The same as a Buffer. */
export function stillBuffer(length: number): Buffer {
  return Buffer.from(new ArrayBuffer(length))
}
