/**
 * The control channel: requests, replies and notices of `control.ts` between the daemon (server) and proxy
 * or spool (clients), over a Unix socket. node-ipc 14.0.0 is used behind this module and nowhere else.
 *
 * Frames, JSON ended by a form feed, at most `limits.frameBytes`:
 * ```
 * hello   = {type: "hello",      data: {version}}          first in each direction
 * request = {type: request name, data: {id, asks}}         client to server
 * reply   = {type: "reply",      data: {id, replies}}      server to client
 *         / {type: "reply",      data: {id, failed}}       failed = "busy" / "fault"
 * notice  = {type: notice name,  data: the notice}         both ways
 * ```
 * Whatever does not fit ends the connection that sent it. node-ipc's `guarded` parser bounds frames, pending
 * writes and the time of an unfinished frame; the allow-list of `ContractParser` bounds the names. Its
 * `assured` profile is not used because it forces the directory to 0700 of one owner, which the three Unix
 * users of an installation cannot share; `control-socket.ts` checks owner and mode instead.
 */
export { type ClientOptions, type ControlClient, connectControl } from "./control-client.ts"
export {
  type AnyNotice,
  type ControlHandlers,
  type ControlLog,
  ControlMisuse,
  type ControlPeer,
  ControlUnreachable,
} from "./control-frames.ts"
export { type ControlServer, type ServerOptions, serveControl } from "./control-server.ts"
export { ControlSocketError } from "./control-socket.ts"
