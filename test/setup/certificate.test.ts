import assert from "node:assert/strict"
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { ensureCertificate } from "../../daemon/setup/certificate.ts"

function pathsIn(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "certificate-"))
  t.after(() => rmSync(root, { recursive: true }))
  return { certificate: join(root, "tls", "cert.pem"), certificateKey: join(root, "tls", "key.pem") }
}

test("a certificate is made once: P-256, for this host, key 0600 in a directory 0700", async (t) => {
  const paths = pathsIn(t)
  assert.equal(await ensureCertificate(paths, "mail.example.org"), true)
  const made = readFileSync(paths.certificate)
  const certificate = new X509Certificate(made)
  for (const host of ["localhost", "mail.example.org"]) assert.equal(certificate.checkHost(host), host)
  for (const ip of ["127.0.0.1", "::1"]) assert.ok(certificate.checkIP(ip) !== undefined, ip)
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1")
  assert.ok(certificate.checkPrivateKey(createPrivateKey(readFileSync(paths.certificateKey))))
  assert.equal(certificate.ca, false)
  assert.equal(statSync(paths.certificateKey).mode & 0o777, 0o600)
  assert.equal(statSync(join(paths.certificate, "..")).mode & 0o777, 0o700)
  assert.deepEqual(readdirSync(join(paths.certificate, "..")).sort(), ["cert.pem", "key.pem"])
  assert.equal(await ensureCertificate(paths, "other"), false)
  assert.deepEqual(readFileSync(paths.certificate), made)
})

test("a key left by a crash is used; other keys, and a certificate without one, are left alone", async (t) => {
  const paths = pathsIn(t)
  await ensureCertificate(paths, "localhost")
  const key = readFileSync(paths.certificateKey)
  rmSync(paths.certificate)
  assert.equal(await ensureCertificate(paths, "localhost"), true)
  assert.deepEqual(readFileSync(paths.certificateKey), key)
  assert.ok(new X509Certificate(readFileSync(paths.certificate)).checkPrivateKey(createPrivateKey(key)))
  rmSync(paths.certificateKey)
  await assert.rejects(ensureCertificate(paths, "localhost"), /key is missing/)
  const other = pathsIn(t)
  mkdirSync(join(other.certificate, ".."))
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" })
  writeFileSync(other.certificateKey, rsa)
  await assert.rejects(ensureCertificate(other, "localhost"), /not one of P-256/)
  assert.equal(readFileSync(other.certificateKey, "utf8"), rsa)
})
