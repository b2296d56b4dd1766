import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import fc from "fast-check"
import { startHome } from "./harness.ts"
import { Table } from "./model/game.ts"
import { gameOf } from "./model/moves.ts"

/*
 * Three clients play with one account: they select, append, store, fetch, search, copy, move, expunge, rename, and
 * wait in IDLE, one after the other, one ahead of the other, or all at the same time. Beside them a model of the
 * account and of what each of them was told (test/worker/model/) is played, which knows the RFCs and nothing of the
 * server. Everything the server says must be what the model expects; where commands ran at the same time, what one
 * order of them explains. At the end a fourth client must find exactly what the model holds.
 *
 * MAILKEEP_MODEL_STEPS says how many commands are played (by hand a million, in half an hour), MAILKEEP_MODEL_SEED
 * repeats a run. What fails is made as short as it can be, and printed as a conversation.
 */
const steps = Number(process.env.MAILKEEP_MODEL_STEPS ?? 10_000)
const seed = Number(process.env.MAILKEEP_MODEL_SEED ?? Date.now() % 2 ** 31)
const roundsOfGame = 80
/** A home grows with each game, and its store is checked at its end. */
const gamesOfHome = 50

test(`what three clients are told is what a model expects, in ${steps} steps from seed ${seed}`, async (t) => {
  const answers = new Map<string, number>()
  let played = 0
  let ambiguous = 0
  for (let home = 0; played < steps; home += 1) {
    const table = await playAtHome(t, seed + home)
    played += table.steps
    ambiguous += table.ambiguous
    for (const [answer, count] of table.answers) answers.set(answer, (answers.get(answer) ?? 0) + count)
  }
  t.diagnostic(`${played} steps; ${ambiguous} rounds left more than one state possible`)
  const counted = [...answers].sort().map(([answer, count]) => `${answer} ${count}`)
  t.diagnostic(counted.join(", "))
})

async function playAtHome(t: TestContext, homeSeed: number): Promise<Table> {
  const found: { table?: Table } = {}
  await t.test(`from seed ${homeSeed}`, async (t) => {
    const table = new Table(startHome(t))
    const game = fc.asyncProperty(gameOf(roundsOfGame), (each) => table.play(each))
    const { failed, errorInstance, seed, counterexamplePath } = await fc.check(game, {
      seed: homeSeed,
      numRuns: gamesOfHome,
    })
    if (failed) {
      const what = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
      assert.fail(
        `${what}\nMAILKEEP_MODEL_SEED=${seed} MAILKEEP_MODEL_STEPS=1 plays this again (${counterexamplePath})`,
      )
    }
    found.table = table
  })
  return found.table ?? assert.fail("the rest is not played")
}
