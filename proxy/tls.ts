import { constants, X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import type { Socket } from "node:net"
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls"
import type { ControlLog } from "../daemon/contract/channel.ts"

/** OpenSSL 3 `SSL_OP_CLEANSE_PLAINTEXT`, which Node does not name: deciphered octets are wiped once they are read. */
const cleansePlaintext = 1 << 1

/** TLS 1.3 first; in 1.2 only forward secrecy and AEAD (RFC 9325 §4.2). */
const ciphers = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
].join(":")

/** Keys of session tickets live in the context; whoever gets hold of one reads no more than this of the past. */
const contextLifeMs = 12 * 3_600_000
const ticketLifeS = 3600

type Files = { certificate: string; certificateKey: string }

/**
 * Our certificate and what TLS may do. `reload` and a timer replace the context for connections that come
 * after; those that stand keep theirs.
 */
export class TlsIdentity {
  readonly #files: Files
  readonly #log: ControlLog
  readonly #renewal: NodeJS.Timeout
  #context: SecureContext

  /** @throws Error when the files cannot be read or do not fit together */
  constructor(files: Files, log: ControlLog) {
    this.#files = files
    this.#log = log
    this.#context = load(files, log)
    this.#renewal = setInterval(() => this.reload(), contextLifeMs).unref()
  }

  get context(): SecureContext {
    return this.#context
  }

  /** Reads certificate and key again. When they are no good, the old ones stay and the log says why. */
  reload(): boolean {
    try {
      this.#context = load(this.#files, this.#log)
      return true
    } catch (error) {
      this.#log.error(
        { err: error, certificate: this.#files.certificate },
        "new certificate refused, the old one is kept",
      )
      return false
    }
  }

  close(): void {
    clearInterval(this.#renewal)
  }
}

function load(files: Files, log: ControlLog): SecureContext {
  const cert = readFileSync(files.certificate)
  const key = readFileSync(files.certificateKey)
  try {
    warnOfExpiry(cert, files.certificate, log)
    return createSecureContext({
      cert,
      key,
      minVersion: "TLSv1.2",
      ciphers,
      honorCipherOrder: true,
      // A phone without AES in hardware says so by putting ChaCha20 first.
      secureOptions:
        constants.SSL_OP_NO_COMPRESSION |
        constants.SSL_OP_NO_RENEGOTIATION |
        constants.SSL_OP_PRIORITIZE_CHACHA |
        constants.SSL_OP_CIPHER_SERVER_PREFERENCE |
        cleansePlaintext,
      sessionIdContext: "mailkeep-imap",
      sessionTimeout: ticketLifeS,
    })
  } finally {
    key.fill(0)
  }
}

function warnOfExpiry(cert: Buffer, path: string, log: ControlLog): void {
  const until = new X509Certificate(cert).validToDate
  if (until.getTime() < Date.now()) log.warn({ certificate: path, until }, "the certificate has expired")
}

/**
 * Puts TLS on an accepted connection and resolves after the handshake. What `raw` holds unread is taken for
 * the client's part of it.
 *
 * @throws Error when the handshake fails or the connection ends before; it is destroyed then
 */
export function startTls(raw: Socket, identity: TlsIdentity): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = new TLSSocket(raw, {
      isServer: true,
      secureContext: identity.context,
      // RFC 7301 with the id IANA gives to IMAP: a browser that was lured here for another protocol is refused.
      ALPNProtocols: ["imap"],
    })
    const failed = (error?: Error) => {
      secure.destroy()
      raw.destroy()
      reject(error ?? new Error("closed during the TLS handshake"))
    }
    const closed = () => failed()
    secure.on("error", failed)
    // Half-open sockets do not close by themselves when the client leaves in the middle.
    secure.once("end", closed).once("close", closed)
    secure.once("secure", () => {
      // The listener for errors stays: a connection may break at any time, and "close" follows.
      secure.off("end", closed).off("close", closed)
      resolve(secure)
    })
  })
}
