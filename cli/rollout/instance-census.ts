import type { WasmInstance } from "../../api/gen/kinds.gen.ts";
import type { Sighting } from "../client/observe.ts";

/** What an instance counts as. `starting`: it has a node, and is not ready. `waiting`: it has none. */
type Stage = "ready" | "starting" | "waiting";

export interface RevisionCensus {
  readonly templateHash: string;
  readonly ready: number;
  readonly starting: number;
  readonly waiting: number;
}

/** Instances that are not ready for the same reason. */
export interface Trouble {
  readonly example: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
}

interface Known {
  readonly templateHash: string;
  readonly stage: Stage;
  readonly reason: string;
  readonly message: string;
}

/** Counts the instances of one workload by their templates, from what is seen of them. */
export class InstanceCensus {
  readonly #known = new Map<string, Known>();
  #told = new Set<string>();

  take(sighting: Sighting): void {
    switch (sighting.kind) {
      case "present": {
        // Live objects have the shape of their kind: the server makes them.
        const instance = sighting.object as unknown as WasmInstance;
        const { name } = instance.metadata;
        this.#told.add(name);
        const known = knownOf(instance);
        if (known) this.#known.set(name, known);
        else this.#known.delete(name);
        return;
      }
      case "gone":
        this.#known.delete(sighting.object.metadata.name);
        return;
      case "listed":
        for (const name of this.#known.keys()) if (!this.#told.has(name)) this.#known.delete(name);
        this.#told = new Set();
        return;
      default:
        sighting satisfies never;
    }
  }

  revisions(): readonly RevisionCensus[] {
    const counts = new Map<string, { ready: number; starting: number; waiting: number }>();
    for (const { templateHash, stage } of this.#known.values()) {
      const count = counts.get(templateHash) ?? { ready: 0, starting: 0, waiting: 0 };
      count[stage]++;
      counts.set(templateHash, count);
    }
    return [...counts].map(([templateHash, count]) => ({ templateHash, ...count }));
  }

  /** Why instances of a template are not ready, where one says so; the commonest first. */
  troubles(templateHash: string | undefined): readonly Trouble[] {
    const groups = new Map<string, { -readonly [key in keyof Trouble]: Trouble[key] }>();
    for (const [name, known] of this.#known) {
      if (known.stage === "ready" || known.reason === "") continue;
      if (templateHash !== undefined && known.templateHash !== templateHash) continue;
      const { reason, message } = known;
      const key = JSON.stringify([reason, withoutName(message, name)]);
      const group = groups.get(key);
      if (group) group.count++;
      else groups.set(key, { example: name, reason, message, count: 1 });
    }
    return [...groups.values()].toSorted((one, other) => other.count - one.count);
  }
}

/** undefined: it is on its way out, and counts no more. */
function knownOf({ metadata, spec, status }: WasmInstance): Known | undefined {
  const phase = status?.phase ?? "Pending";
  if (metadata.deletionTimestamp !== undefined || phase === "Succeeded" || phase === "Failed")
    return undefined;
  const stage = status?.ready === "1/1" ? "ready" : spec.nodeName ? "starting" : "waiting";
  const last = status?.lastTermination;
  const reason = status?.reason ?? last?.reason ?? "";
  const message = status?.message ?? last?.message ?? "";
  return { templateHash: spec.templateHash ?? "", stage, reason, message };
}

function withoutName(message: string, name: string): string {
  return message.replaceAll(name, "");
}
