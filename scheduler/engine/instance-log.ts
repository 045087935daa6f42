import { WherryError } from "../../kit/errors.ts";
import type { LogOptions } from "../apiserver/live-resource.ts";
import type { Instance } from "../core/model.ts";
import type { NodeSession } from "../nodes/node-port.ts";

/** The log as its node has it. Throws LogUnavailable before it has a node, NodeUnreachable while that is not connected. */
export function openLogOf(
  { uid, name, state }: Instance,
  sessionOf: (nodeName: string) => NodeSession | undefined,
  options: LogOptions,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  if (state.kind === "pending") {
    const why = state.message || "it has not been placed yet";
    throw new WherryError("LogUnavailable", `instance ${name} has no log: ${why}`);
  }
  const session = sessionOf(state.nodeName);
  if (session) return session.openLog(uid, options, signal);
  const message = `the log of ${name} is on node ${state.nodeName}, which is not connected`;
  throw new WherryError("NodeUnreachable", message, { retryable: true });
}
