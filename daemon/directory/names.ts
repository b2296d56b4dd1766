import { domainToASCII } from "node:url"
import { DirectoryError } from "./directory.ts"

/**
 * User names and addresses. A name is `local` or `local@domain`; both parts follow the rules of a mailbox
 * address, so that every name can receive mail.
 *
 * ```
 * local  = atext-or-utf8 *( atext-or-utf8 / "." )     a Dot-string, RFC 5321 §4.1.2 and RFC 6531 §3.3
 * domain = A-labels                                   RFC 5890 §2.3.2.1; no address literals
 * ```
 */
const limits = { name: 255, address: 320, local: 64, domain: 253 } as const

/** atext (RFC 5322 §3.2.3), and letters, marks and digits beyond ASCII (RFC 8264 §4.2.1). */
const atom = String.raw`[A-Za-z0-9!#$%&'*+/=?^_\x60{|}~\-\p{L}\p{M}\p{Nd}]+`
const dotString = new RegExp(String.raw`^${atom}(?:\.${atom})*$`, "u")
const domainName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/
/** Fullwidth and halfwidth forms, which RFC 8265 §3.3.2 maps to their ordinary ones. */
const wide = /[\u3000\uFF01-\uFFEE]/gu

/**
 * The form under which a name or address is compared: width and case folded, NFC (UsernameCaseMapped,
 * RFC 8265 §3.3), an internationalised domain as A-labels. Total and idempotent: what is no name at all is
 * folded like the rest and then found nowhere.
 */
export function canonicalName(login: string): string {
  const text = fold(login)
  const at = text.lastIndexOf("@")
  return at < 0 ? text : `${text.slice(0, at)}@${canonicalDomain(text.slice(at + 1))}`
}

function fold(text: string): string {
  const narrow = text.toWellFormed().replace(wide, (character) => character.normalize("NFKC"))
  // Lower-casing can leave a sequence that is not NFC, and NFC one that has a lower case: fold until it rests.
  let folded = narrow.normalize("NFC").toLowerCase().normalize("NFC")
  for (let next = ""; next !== folded; folded = next.toLowerCase().normalize("NFC")) next = folded
  return folded
}

function canonicalDomain(domain: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is meant, from its first character
  if (/^[\x00-\x7f]*$/.test(domain)) return domain
  const labels = domainToASCII(domain)
  return labels === "" ? domain : labels
}

/** The canonical form of a user name. @throws DirectoryError `bad-name`, with the rule that it breaks */
export function checkedName(name: string): string {
  const canonical = canonicalName(name)
  const at = canonical.indexOf("@")
  const broken =
    at < 0 ? brokenLocal(canonical) : (brokenLocal(canonical.slice(0, at)) ?? brokenDomain(canonical.slice(at + 1)))
  if (broken !== null) throw new DirectoryError("bad-name", `not a user name: ${broken}`)
  if (Buffer.byteLength(canonical) > limits.name) {
    throw new DirectoryError("bad-name", `not a user name: longer than ${limits.name} octets`)
  }
  return canonical
}

/** The canonical form of an address that is given to a user. @throws DirectoryError `bad-address` */
export function checkedAddress(address: string): string {
  const canonical = canonicalName(address)
  const at = canonical.indexOf("@")
  const broken =
    at < 0
      ? "it has no @domain"
      : (brokenLocal(canonical.slice(0, at)) ?? brokenDomain(canonical.slice(at + 1)) ?? tooLong(canonical))
  if (broken !== null) throw new DirectoryError("bad-address", `not an address: ${broken}`)
  return canonical
}

function brokenLocal(local: string): string | null {
  if (local === "") return "nothing stands before the @"
  if (Buffer.byteLength(local) > limits.local)
    return `more than ${limits.local} octets before the @ (RFC 5321 §4.5.3.1.1)`
  if (!dotString.test(local))
    return "only letters, digits and !#$%&'*+/=?^_`{|}~- may be used, and single dots between them"
  // Ligatures, circled letters and the like look like other names (RFC 8264 §9.17).
  return local.normalize("NFKC") === local ? null : "it holds a character that is only another form of an ordinary one"
}

function brokenDomain(domain: string): string | null {
  return domainName.test(domain) ? null : "what stands after the @ is not a domain name"
}

function tooLong(address: string): string | null {
  return Buffer.byteLength(address) > limits.address ? `longer than ${limits.address} octets` : null
}

/** `name@host` for a name without a domain. */
export function addressOf(canonical: string, hostName: string): string {
  return canonical.includes("@") ? canonical : `${canonical}@${canonicalDomain(hostName.toLowerCase())}`
}

/** The addresses under which a recipient is looked up, the exact one first, then without its detail. */
export function lookupsOf(address: string, hostName: string): string[] {
  // Longer ones cannot be anybody's: not even folding is paid for.
  if (address.length > 4 * limits.address) return []
  const exact = addressOf(canonicalName(address), hostName)
  const at = exact.lastIndexOf("@")
  const plus = exact.indexOf("+")
  // "+" as the first character leaves nothing before the detail.
  return plus > 0 && plus < at ? [exact, exact.slice(0, plus) + exact.slice(at)] : [exact]
}
