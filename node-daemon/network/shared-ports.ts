import { listenersConflict } from "../../api/listen-rules.ts";
import type { NodeAssignment } from "../core/assignment.ts";
import type { TemplateConfig } from "../core/instance-config.ts";
import { configOf, type HeldInstance } from "../held-instance.ts";

const live: ReadonlySet<string> = new Set(["starting", "running", "stopping", "restarting"]);

/**
 * The name of an instance of another workload that takes requests itself at a port that this one wants to take them at. The kernel would deal
 * connections to both (SO_REUSEPORT): placement keeps them apart, and what it does not know of, such as an instance that was given up with
 * its node, is found here.
 */
export function sharerOf(
  { uid, owner }: NodeAssignment,
  config: TemplateConfig,
  all: Iterable<HeldInstance>,
): string | undefined {
  const wanted = directPlaces(config);
  if (wanted.length === 0) return undefined;
  for (const held of all) {
    const { assignment, lifecycle } = held;
    const mayListen = live.has(lifecycle.state.kind) && assignment.uid !== uid;
    if (!mayListen || assignment.owner.uid === owner.uid) continue;
    const places = directPlaces(configOf(held));
    if (places.some((one) => wanted.some((other) => listenersConflict(one, other)))) return assignment.name;
  }
  return undefined;
}

function directPlaces(config: TemplateConfig | undefined): TemplateConfig["network"]["listeners"] {
  return config?.serving ? config.network.listeners : [];
}
