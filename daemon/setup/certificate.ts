import { createPrivateKey, createPublicKey } from "node:crypto"
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs"
import { isIP } from "node:net"
import { dirname } from "node:path"
import { generate } from "selfsigned"
import { fsyncDirectory, writeFileDurably } from "../host/durable.ts"
import type { Paths } from "../host/paths.ts"

/**
 * Ten years: a self-signed certificate is trusted by its fingerprint, and one that runs out in the middle of
 * the night helps nobody. Whoever wants short lives has an ACME client, and sets `proxy.certificate`.
 */
const lifeDays = 3650

/**
 * Makes a self-signed ECDSA P-256 certificate for localhost and `hostName` when there is none, key 0600 in a
 * directory 0700. What is present is kept, whoever made it. Each file is written whole or not at all, the key
 * first: after a crash in between, the next start signs the certificate with the key that is there.
 *
 * @returns whether a certificate was made
 * @throws Error for a certificate without key, or a key without certificate that is not P-256
 */
export async function ensureCertificate(
  paths: Pick<Paths, "certificate" | "certificateKey">,
  hostName: string,
): Promise<boolean> {
  if (existsSync(paths.certificate)) {
    if (!existsSync(paths.certificateKey)) throw new Error(`${paths.certificateKey}: the certificate's key is missing`)
    return false
  }
  for (const path of [paths.certificateKey, paths.certificate]) ensureDirectory(dirname(path))
  const keyPair = existsSync(paths.certificateKey) ? existingKey(paths.certificateKey) : undefined
  const made = await selfSigned(hostName, keyPair)
  if (keyPair === undefined) writeFileDurably(paths.certificateKey, Buffer.from(made.private), 0o600)
  writeFileDurably(paths.certificate, Buffer.from(made.cert), 0o644)
  return true
}

type KeyPair = { privateKey: string; publicKey: string }

function existingKey(path: string): KeyPair {
  const key = createPrivateKey(readFileSync(path))
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new Error(`${path}: a key without a certificate, and not one of P-256 that we could sign with`)
  }
  return {
    privateKey: key.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKey: createPublicKey(key).export({ type: "spki", format: "pem" }).toString(),
  }
}

/** A directory that exists keeps its mode: it may be /etc/ssl. */
function ensureDirectory(directory: string): void {
  if (mkdirSync(directory, { recursive: true, mode: 0o700 }) === undefined) return
  chmodSync(directory, 0o700)
  fsyncDirectory(dirname(directory))
}

async function selfSigned(hostName: string, keyPair?: KeyPair): Promise<{ private: string; cert: string }> {
  const notBeforeDate = new Date(Date.now() - 3_600_000) // clients with a clock that is a little late
  const notAfterDate = new Date(notBeforeDate.getTime() + lifeDays * 86_400_000)
  return generate([{ name: "commonName", value: hostName }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    ...(keyPair === undefined ? {} : { keyPair }),
    notBeforeDate,
    notAfterDate,
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      { name: "subjectAltName", altNames: alternativeNames(hostName) },
    ],
  })
}

/** RFC 5280 §4.2.1.6: type 2 is dNSName, 7 iPAddress. */
function alternativeNames(hostName: string) {
  const hosts = new Set(["localhost", "127.0.0.1", "::1", hostName])
  return Array.from(hosts, (host) =>
    isIP(host) === 0 ? ({ type: 2, value: host } as const) : ({ type: 7, ip: host } as const),
  )
}
