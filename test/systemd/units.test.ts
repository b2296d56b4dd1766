import assert from "node:assert/strict"
import { existsSync } from "node:fs"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { readTable, readUnit } from "./unit-file.ts"

const services = ["daemon", "proxy", "spool"] as const
type Service = (typeof services)[number]
const all = (value: string): Record<Service, string> => ({ daemon: value, proxy: value, spool: value })

/** What every service must say, and where they differ. */
const required: [key: string, value: Record<Service, string>][] = [
  ["Type", all("notify")],
  ["NotifyAccess", all("all")],
  ["User", { daemon: "mailkeep", proxy: "mailkeep-proxy", spool: "mailkeep-spool" }],
  ["Restart", all("on-failure")],
  ["KillMode", all("mixed")],
  ["WatchdogSec", all("60")],
  ["TimeoutStopSec", all("30")],
  ["LimitCORE", all("0")],
  ["MemorySwapMax", all("0")],
  ["UMask", all("0007")],
  ["NoNewPrivileges", all("yes")],
  ["ProtectSystem", all("strict")],
  ["ProtectHome", all("yes")],
  ["PrivateTmp", all("yes")],
  ["PrivateDevices", all("yes")],
  ["ProtectKernelTunables", all("yes")],
  ["ProtectKernelModules", all("yes")],
  ["ProtectKernelLogs", all("yes")],
  ["ProtectControlGroups", all("yes")],
  ["ProtectClock", all("yes")],
  ["ProtectHostname", all("yes")],
  ["ProtectProc", all("invisible")],
  ["RestrictNamespaces", all("yes")],
  ["RestrictRealtime", all("yes")],
  ["LockPersonality", all("yes")],
  ["SystemCallArchitectures", all("native")],
  ["SystemCallFilter", all("@system-service")],
  ["CapabilityBoundingSet", { daemon: "", proxy: "CAP_NET_BIND_SERVICE", spool: "" }],
  ["AmbientCapabilities", { daemon: "", proxy: "CAP_NET_BIND_SERVICE", spool: "" }],
  [
    "RestrictAddressFamilies",
    { daemon: "AF_UNIX", proxy: "AF_INET AF_INET6 AF_UNIX", spool: "AF_INET AF_INET6 AF_UNIX" },
  ],
]

/** What would break a service, with the reason. */
const forbidden: [key: string, services: readonly Service[], why: string][] = [
  ["MemoryDenyWriteExecute", services, "V8 writes and executes the same memory"],
  ["RestrictSUIDSGID", ["daemon", "spool"], "spool directories are setgid"],
  ["ReadWritePaths", ["proxy"], "the proxy writes no file"],
]

for (const name of services) {
  test(`mailkeep-${name}.service says what it must`, () => {
    const service = readUnit(`mailkeep-${name}.service`).get("Service")
    for (const [key, value] of required) assert.deepEqual(service?.get(key), [value[name]], key)
    for (const [key, where, why] of forbidden) {
      if (where.includes(name)) assert.equal(service?.get(key), undefined, `${key}: ${why}`)
    }
  })

  test(`mailkeep-${name}.service starts a program of this repository and belongs to the target`, () => {
    const unit = readUnit(`mailkeep-${name}.service`)
    const [start = ""] = unit.get("Service")?.get("ExecStart") ?? []
    const [node, , script, ...words] = start.split(" ")
    assert.equal(node, "/opt/mailkeep/node_modules/.bin/node")
    assert.deepEqual(words, [name])
    const source = script?.replace("/opt/mailkeep/dist/", "").replace(/\.js$/, ".ts") ?? ""
    assert.ok(existsSync(fileURLToPath(new URL(`../../${source}`, import.meta.url))), source)
    assert.deepEqual(unit.get("Unit")?.get("PartOf"), ["mailkeep.target"])
    assert.deepEqual(unit.get("Install")?.get("WantedBy"), ["mailkeep.target"])
    assert.ok(
      readUnit("mailkeep.target").get("Unit")?.get("Wants")?.join(" ").split(" ").includes(`mailkeep-${name}.service`),
    )
  })
}

test("each user of the units exists, and the proxy is not in the group of the sealed files", () => {
  const lines = readTable("mailkeep.sysusers")
  const users = lines.filter(([type]) => type === "u").map(([, name]) => name)
  assert.deepEqual(
    users.sort(),
    services.map((name) => readUnit(`mailkeep-${name}.service`).get("Service")?.get("User")?.[0]).sort(),
  )
  const members = lines.filter(([type]) => type === "m").map(([, user, group]) => `${user} ${group}`)
  assert.deepEqual(members.sort(), ["mailkeep mailkeep-spool", "mailkeep-proxy mailkeep", "mailkeep-spool mailkeep"])
})

test("the directories are those of the program, and none below the data directory is open to others", () => {
  const directories = readTable("mailkeep.tmpfiles").map(([type, path = "", mode = ""]) => ({
    type,
    path,
    mode: Number.parseInt(mode, 8),
  }))
  const data = directories.filter(({ path }) => path.startsWith("/var/lib/mailkeep"))
  const below = ["", "/keys", "/keys/slots", "/mail", "/run", "/run/workers", "/spool"].map(
    (path) => `/var/lib/mailkeep${path}`,
  )
  assert.deepEqual(data.map(({ path }) => path).sort(), below)
  for (const { type, path, mode } of data) {
    assert.equal(type, "d", path)
    assert.equal(mode & 0o007, 0, `${path} is open to everybody`)
  }
})
