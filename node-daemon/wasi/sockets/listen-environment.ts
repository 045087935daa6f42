import type { WasiHost } from "../host.ts";
import type { PreopenedListener } from "./network.ts";

/** Behind standard input and output. */
const firstPreopen = 3;

/**
 * The environment of an instance with listeners, by the protocol of systemd's socket activation as far as it makes sense: how
 * many there are and what they are called, and which descriptor is the first, as mounts come before them. What the
 * template says for these variables counts.
 */
export function withListeners(
  env: WasiHost["env"],
  mounts: number,
  listeners: readonly PreopenedListener[],
): WasiHost["env"] {
  if (listeners.length === 0) return env;
  const names = new Set(env.map(([name]) => name));
  const added: WasiHost["env"] = [
    ["LISTEN_FDS", String(listeners.length)],
    ["LISTEN_FDNAMES", listeners.map(({ name }) => name).join(":")],
    ["LISTEN_FDS_START", String(firstPreopen + mounts)],
  ];
  return [...env, ...added.filter(([name]) => !names.has(name))];
}
