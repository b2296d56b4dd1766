#!/usr/bin/env node
/**
 * The command `mailkeep`. Nothing is imported statically: an older Node must be told so before it loads
 * native code that it cannot run (the database driver crashes Node 20).
 */
const leastMajor = 24
const major = Number(process.versions.node.split(".")[0])

if (major >= leastMajor) {
  // A reader that has seen enough (`mailkeep user list | head -1`) is no failure.
  process.stdout.on("error", (error) => {
    if (!("code" in error && error.code === "EPIPE")) throw error
  })
  const { run } = await import("./program.ts")
  process.exitCode = await run(process.argv.slice(2))
} else {
  const advice = `install Node ${leastMajor}, or use the one that \`npm ci\` puts into node_modules/.bin`
  process.stderr.write(`mailkeep needs Node ${leastMajor} or newer, this is ${process.version}; ${advice}\n`)
  process.exitCode = 1
}
