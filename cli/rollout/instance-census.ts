import type { WasmInstance } from "../../api/gen/kinds.gen.ts";
import type { Sighting } from "../client/observe.ts";

/** What an instance counts as. `starting`: it has a node, and is not ready. `waiting`: it has none. */
type Stage = "ready" | "starting" | "waiting" | "stopping";

export interface RevisionCensus extends Readonly<Record<Stage, number>> {
  readonly templateHash: string;
}

/** An instance that has not been ready for so long is in trouble; before that it may just be starting. */
const troubledAfterMs = 2_000;

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
  /** Since when it is known not to be ready. */
  readonly sinceMs: number;
  readonly reason: string;
  readonly message: string;
}

/** Counts the instances of one workload by their templates, from what is seen of them. */
export class InstanceCensus {
  readonly #known = new Map<string, Known>();
  #told = new Set<string>();

  takeInstance(instance: WasmInstance, nowMs: number): void {
    const { name } = instance.metadata;
    this.#told.add(name);
    const known = knownOf(instance);
    const before = this.#known.get(name);
    const sinceMs = before && before.stage !== "ready" ? before.sinceMs : nowMs;
    if (known) this.#known.set(name, { ...known, sinceMs });
    else this.#known.delete(name);
  }

  /** `nowMs`: on any clock, the same each time. */
  take(sighting: Sighting, nowMs: number): void {
    switch (sighting.kind) {
      case "present": {
        // Live objects have the shape of their kind: the server makes them.
        this.takeInstance(sighting.object as unknown as WasmInstance, nowMs);
        return;
      }
      case "gone":
        this.#known.delete(sighting.object.metadata.name);
        return;
      case "listing":
        this.#told = new Set();
        return;
      case "listed":
        for (const name of this.#known.keys()) if (!this.#told.has(name)) this.#known.delete(name);
        return;
      default:
        sighting satisfies never;
    }
  }

  revisions(): readonly RevisionCensus[] {
    const counts = new Map<string, Record<Stage, number>>();
    for (const { templateHash, stage } of this.#known.values()) {
      const count = counts.get(templateHash) ?? { ready: 0, starting: 0, waiting: 0, stopping: 0 };
      count[stage]++;
      counts.set(templateHash, count);
    }
    return [...counts].map(([templateHash, count]) => ({ templateHash, ...count }));
  }

  /** Why instances of a template (undefined: of any) have not been ready for a while, where they say so; the commonest first. */
  troubles(templateHash: string | undefined, nowMs: number): readonly Trouble[] {
    const groups = new Map<string, { -readonly [key in keyof Trouble]: Trouble[key] }>();
    for (const [name, known] of this.#known) {
      const isStuck = known.stage === "starting" || known.stage === "waiting";
      if (!isStuck || known.reason === "" || nowMs - known.sinceMs < troubledAfterMs) continue;
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

/** undefined: it has ended, and counts no more. */
function knownOf({ metadata, spec, status }: WasmInstance): Omit<Known, "sinceMs"> | undefined {
  const phase = status?.phase ?? "Pending";
  if (phase === "Succeeded" || phase === "Failed") return undefined;
  const isStopping = metadata.deletionTimestamp !== undefined || status?.display === "Terminating";
  const settled = status?.ready === "1/1" ? "ready" : spec.nodeName ? "starting" : "waiting";
  const last = status?.lastTermination;
  const reason = status?.reason ?? last?.reason ?? "";
  const message = status?.message ?? last?.message ?? "";
  return { templateHash: spec.templateHash ?? "", stage: isStopping ? "stopping" : settled, reason, message };
}

function withoutName(message: string, name: string): string {
  return message.replaceAll(name, "");
}
