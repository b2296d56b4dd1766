import type { Conversation } from "../conversation.ts"
import { Refused } from "../refusal.ts"
import type { Completion, Family } from "./command.ts"

/**
 * The proxy only copies octets, so it is the worker that compresses.
 *
 * UNAUTHENTICATE (RFC 8437) is not offered, and never will be: a login opens the mailbox of one user with that
 * user's key, in a process of its own, and there is nothing the connection could be logged in to again.
 */
export const compressFamily: Family<"COMPRESS" | "UNAUTHENTICATE"> = {
  capabilities: [{ name: "COMPRESS=DEFLATE", rfc: 4978 }],
  commands: {
    COMPRESS: { state: "authenticated", expunges: "yes", run: ({ line }, { algorithm }) => compress(line, algorithm) },
    UNAUTHENTICATE: { state: "authenticated", expunges: "yes", run: unauthenticate },
  },
}

/** RFC 4978 §3: compressed from the octet after this command's tagged OK. */
function compress(line: Conversation["line"], algorithm: string): Completion {
  if (algorithm !== "DEFLATE") throw new Refused({ status: "BAD", text: "DEFLATE is the only compression here" })
  if (line.compressed()) throw new Refused({ status: "NO", code: "COMPRESSIONACTIVE", text: "DEFLATE is active" })
  return { text: "DEFLATE active", afterwards: () => line.compress() }
}

function unauthenticate(): Completion {
  throw new Refused({
    status: "NO",
    code: "CANNOT",
    text: "A login belongs to one mailbox and its key, log out and connect again",
  })
}
