import type { AdminHandlers, SessionView, UserView } from "../../daemon/admin/requests.ts"
import { settingsSchema } from "../../daemon/host/settings.ts"

const at = Date.UTC(2026, 0, 2, 3, 4, 5)

export const alice: UserView = {
  name: "alice",
  mailbox: "a".repeat(26),
  status: "active",
  addresses: ["alice@mail.example", "a@mail.example"],
  clocks: { lingerS: null, idleS: 300, maximumLifeS: 0, idleCounts: false },
  quotaBytes: 1_073_741_824,
  quotaMessages: null,
  usageBytes: 5_242_880,
  usageMessages: 1375,
  createdAt: at,
}

export const session: SessionView = {
  user: "alice",
  state: "OPEN",
  pid: 4711,
  startedAt: at,
  openedAt: at,
  lastCommandAt: at,
  connections: 1,
  clocks: { lingerS: 60, idleS: 300, maximumLifeS: 0, idleCounts: true },
  expires: null,
}

/** What a daemon with one user, who is logged in, would answer. */
export const answers: AdminHandlers = {
  status: async () => ({
    version: "0.1.0",
    pid: 4242,
    startedAt: at,
    hostName: "mail.example",
    logins: true,
    users: 1,
    sessions: 1,
    connections: 1,
    workers: { warm: 1, kdfRunning: 0, kdfWaiting: 0 },
    counts: { opened: 3, refused: 2, crashed: 0, flushed: 1375, quarantined: 1 },
    spool: { messages: 2, bytes: 2048, quarantined: 1 },
  }),
  "user.list": async () => ({ users: [alice] }),
  "user.show": async () => ({
    user: alice,
    quota: { quotaBytes: 1_073_741_824, quotaMessages: 0 },
    recipients: ["age1abc"],
    session,
  }),
  "user.add": async () => ({ worker: "/nowhere.sock", ticket: "A".repeat(43) }),
  "user.passwd": async () => ({ worker: "/nowhere.sock", ticket: "A".repeat(43) }),
  "user.export": async () => ({ worker: "/nowhere.sock", ticket: "A".repeat(43) }),
  "user.disable": async () => ({ ended: true }),
  "user.enable": async () => ({}),
  "user.delete": async () => ({ ended: false }),
  "user.clocks": async ({ clocks }) => ({
    clocks: {
      lingerS: clocks.lingerS ?? null,
      idleS: clocks.idleS ?? null,
      maximumLifeS: clocks.maximumLifeS ?? null,
      idleCounts: clocks.idleCounts ?? null,
    },
  }),
  "sessions.list": async () => ({ sessions: [session] }),
  "sessions.show": async () => ({
    session,
    connections: [
      {
        id: 3,
        remote: "192.0.2.1",
        openedAt: at,
        lastCommandAt: at,
        command: "UID FETCH",
        idling: false,
        client: "evil\u001b[2Jclient",
      },
      { id: 4, remote: "192.0.2.2", openedAt: at, lastCommandAt: at, command: "IDLE", idling: true, client: null },
    ],
  }),
  "sessions.kick": async () => ({}),
  "sessions.idle": async ({ clocks }) => ({
    clocks: {
      ...session.clocks,
      ...Object.fromEntries(Object.entries(clocks).filter(([, value]) => value !== undefined)),
    },
  }),
  "spool.list": async () => ({
    mailboxes: [
      {
        mailbox: "a".repeat(26),
        user: "alice",
        messages: 2,
        bytes: 2048,
        oldest: at,
        quarantined: 1,
        quarantinedBytes: 512,
      },
      { mailbox: "b".repeat(26), user: null, messages: 0, bytes: 0, oldest: null, quarantined: 0, quarantinedBytes: 0 },
    ],
  }),
  "config.show": async () => ({ settings: settingsSchema.parse({ host_name: "running.example" }) }),
}
