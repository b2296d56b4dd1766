import type { Family } from "./command.ts"
import { answerSearch } from "./search-answer.ts"

export const searchFamily: Family<"SEARCH"> = {
  capabilities: [
    { name: "ESEARCH", rfc: 4731 },
    { name: "SEARCHRES", rfc: 5182 },
    { name: "WITHIN", rfc: 5032 },
    { name: "PARTIAL", rfc: 9394 },
  ],
  commands: {
    SEARCH: {
      state: "selected",
      expunges: "in-uid-form",
      run: (conversation, command) => answerSearch(conversation, command, (found) => found),
    },
  },
}
