import type { WasmDeployment } from "../../../../api/gen/kinds.gen.ts";
import { earliest } from "../../../../kit/timestamps.ts";
import { disruptionReasons, type Instance } from "../../model.ts";
import { isAvailable, notYetAvailable, type NotYet } from "../availability.ts";
import type { Step } from "../step.ts";

/** The instances of one template. */
export interface TemplateCount {
  readonly templateHash: string;
  /** Pending and bound ones. */
  readonly live: readonly Instance[];
  readonly ready: number;
  readonly available: number;
  /** Of the live ones, those that should go, and of these the available ones. */
  readonly leaving: number;
  readonly leavingAvailable: number;
  readonly stopping: number;
}

export interface Census {
  readonly templates: ReadonlyMap<string, TemplateCount>;
  readonly ended: readonly Instance[];
  readonly ready: number;
  readonly available: number;
  /** Who is ready and not available yet. */
  readonly notYet: NotYet;
  /** When the next one that is ready becomes available; undefined: none will. */
  readonly nextAvailableMs: number | undefined;
}

interface OpenCount extends TemplateCount {
  readonly live: Instance[];
  ready: number;
  available: number;
  leaving: number;
  leavingAvailable: number;
  stopping: number;
}

/** Linear in the number of instances, and the only pass over all of them. */
export function takeCensus({ spec }: WasmDeployment, instances: Iterable<Instance>, nowMs: number): Census {
  const notYet = notYetAvailable(spec.minReadySeconds, nowMs);
  const templates = new Map<string, OpenCount>();
  const ended: Instance[] = [];
  let count: OpenCount | undefined;
  let nextReadySinceMs: number | undefined;
  for (const instance of instances) {
    const { templateHash, state } = instance;
    if (state.kind === "ended") {
      ended.push(instance);
      continue;
    }
    // Neighbours mostly have the same.
    if (count?.templateHash !== templateHash) {
      count = templates.get(templateHash) ?? noneOf(templateHash);
      templates.set(templateHash, count);
    }
    if (state.kind === "stopping") {
      count.stopping++;
      continue;
    }
    count.live.push(instance);
    const isLeaving = instance.leaving !== undefined;
    if (isLeaving) count.leaving++;
    if (state.kind !== "bound" || state.observed?.ready !== true) continue;
    count.ready++;
    if (isAvailable(instance, notYet)) {
      count.available++;
      if (isLeaving) count.leavingAvailable++;
    } else nextReadySinceMs = earliest(nextReadySinceMs, state.observed.readySinceMs);
  }
  let ready = 0;
  let available = 0;
  for (const one of templates.values()) {
    ready += one.ready;
    available += one.available;
  }
  const nextAvailableMs =
    nextReadySinceMs === undefined ? undefined : nextReadySinceMs + spec.minReadySeconds * 1000;
  return { templates, ended, ready, available, notYet, nextAvailableMs };
}

export function noneOf(templateHash: string): OpenCount {
  return {
    templateHash,
    live: [],
    ready: 0,
    available: 0,
    leaving: 0,
    leavingAvailable: 0,
    stopping: 0,
  };
}

export interface EndedPlaces {
  /** How many places stay empty for now, by template. */
  readonly held: ReadonlyMap<string, number>;
  readonly forget: readonly Step[];
  readonly wakeAtMs: number | undefined;
}

/** How long after its creation the place of an instance that ended by refusal stays empty. */
const replacementDelayMs = 5_000;

/** Only of templates that instances are still made of are places kept. */
export function settleEnded(
  ended: readonly Instance[],
  isMade: (templateHash: string) => boolean,
  nowMs: number,
): EndedPlaces {
  const forget: Step[] = [];
  const held = new Map<string, number>();
  let wakeAtMs: number | undefined;
  for (const instance of ended) {
    const { templateHash, uid } = instance;
    const freeAtMs = placeFreeAtMs(instance, nowMs);
    if (freeAtMs > nowMs && isMade(templateHash)) {
      held.set(templateHash, (held.get(templateHash) ?? 0) + 1);
      wakeAtMs = earliest(wakeAtMs, freeAtMs);
    } else forget.push({ kind: "forgetInstance", uid });
  }
  return { held, forget, wakeAtMs };
}

/** The end of a node, or our own stop, is no refusal. What was made at a time to come was made before the clock was set back. */
function placeFreeAtMs({ state, createdMs }: Instance, nowMs: number): number {
  if (state.kind !== "ended" || createdMs > nowMs) return nowMs;
  const { reason } = state.observed;
  return disruptionReasons.has(reason) && reason !== "Evicted" ? createdMs : createdMs + replacementDelayMs;
}
