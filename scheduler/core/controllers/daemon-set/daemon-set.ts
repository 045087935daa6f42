/**
 * Keeps one instance of a WasmDaemonSet on every node that matches. Pure: what should exist against what does, to steps.
 *
 *   node            connected   suspect            lost                     gone
 *   has none        makes one   waits              waits                    -
 *   has one         keeps it    keeps it           its end is forgotten     its end is forgotten
 *   matches no more stops it    stops it           -                        -
 *
 *   without surge   old stops ──ended──▶ new is made          (at most maxUnavailable nodes without an available one)
 *   with surge      new is made ──available──▶ old stops      (at most maxSurge nodes with two)
 *   OnDelete        whoever is deleted is replaced by one of the current template
 *
 * An instance is made only for a node that is connected, so after its inventory is known, and only while nothing of this set is
 * there, not even something that stops: so there are never two but those of a surge, and when a lost node comes back with its
 * instance, that one is kept. Failed ones are replaced after a rest (failure-backoff.ts).
 *
 * Invariants: linear in nodes and instances; what is stopped for an update leaves at most maxUnavailable nodes without an
 * available instance, beside those whose old instance is not available anyhow.
 */
import type { WasmDaemonSet, WasmDaemonSetStatus } from "../../../../api/gen/kinds.gen.ts";
import { earliest } from "../../../../kit/timestamps.ts";
import type { ClusterNode, Instance, PlacementRequirements, Revision } from "../../model.ts";
import { availableAtMs } from "../availability.ts";
import { reconcileOrphans } from "../orphans.ts";
import { inRemovalOrder } from "../removal-order.ts";
import { planRevisions } from "../revision-plan.ts";
import { failedCreate, type ReconcileResult, type Step } from "../step.ts";
import { type DaemonCensus, isAvailableNow, type Place, takeDaemonCensus } from "./daemon-census.ts";
import { daemonSetStatus } from "./daemon-set-status.ts";
import { type DaemonSetMemory, FailureBackoff, isFailure } from "./failure-backoff.ts";
import { nodeMatcher } from "./node-match.ts";
import { planReplacements, planSurge } from "./rolling-update.ts";
import { type UpdateLimits, updateLimits } from "./update-limits.ts";

export interface DaemonSetInput {
  readonly daemonSet: WasmDaemonSet;
  /** The hash of the current template. */
  readonly templateHash: string;
  /** Of the current template. */
  readonly requirements: PlacementRequirements;
  readonly revisions: readonly Revision[];
  readonly nodes: Iterable<ClusterNode>;
  /** All instances of this daemon set, in any order. */
  readonly instances: Iterable<Instance>;
  /** Why no instance can be made now. */
  readonly refusal: string | undefined;
  readonly nowMs: number;
  /** What the last result for this daemon set returned. */
  readonly memory: DaemonSetMemory;
}

export interface DaemonSetResult extends ReconcileResult<WasmDaemonSetStatus> {
  readonly memory: DaemonSetMemory;
}

const templateChanged = "an instance of the new template takes its place";

/** The status is the object's own one, by identity, if nothing changed. */
export function reconcileDaemonSet(input: DaemonSetInput): DaemonSetResult {
  const { daemonSet, instances, memory } = input;
  if (daemonSet.metadata.deletionTimestamp !== undefined)
    return {
      status: daemonSet.status ?? {},
      steps: reconcileOrphans(instances),
      wakeAtMs: undefined,
      memory,
    };
  return new DaemonSetLook(input).result();
}

/** One look at a daemon set. */
class DaemonSetLook {
  readonly #input: DaemonSetInput;
  readonly #census: DaemonCensus;
  readonly #backoff: FailureBackoff;
  readonly #limits: UpdateLimits;
  readonly #steps: Step[] = [];
  /** Uids of what is told to go: once is enough. */
  readonly #leaving = new Set<string>();
  readonly #createOn: string[] = [];
  readonly #replaced: Instance[] = [];
  #wakeAtMs: number | undefined;

  constructor(input: DaemonSetInput) {
    this.#input = input;
    const match = nodeMatcher(input.requirements);
    this.#census = takeDaemonCensus({ nodes: input.nodes, instances: input.instances, match });
    this.#limits = updateLimits(input.daemonSet.spec, this.#census.desired);
    this.#backoff = new FailureBackoff(input.memory, input.templateHash, input.nowMs);
  }

  result(): DaemonSetResult {
    const { daemonSet, refusal, nowMs } = this.#input;
    const { places, strays } = this.#census;
    for (const instance of strays) this.#drop(instance, "its node is gone");
    const held = new Set<Place>();
    for (const place of places.values()) if (this.#settleEnded(place)) held.add(place);
    for (const place of places.values()) this.#settleLive(place);
    this.#update();
    for (const place of places.values())
      if (!held.has(place) && this.#lacksOne(place)) this.#createOn.push(place.node.name);
    this.#evictLeaving();
    const plan = this.#planRevisions();
    const made = plan.current === undefined ? [] : this.#creations();
    const status = daemonSetStatus({
      daemonSet,
      census: this.#census,
      isCurrent: this.#isCurrent,
      isAvailable: this.#isAvailable,
      revision: plan.current,
      refusal,
      nowMs,
    });
    this.#noteAvailability();
    return {
      status,
      steps: [...plan.steps, ...this.#steps, ...this.#failureEvent(), ...made],
      wakeAtMs: this.#wakeAtMs,
      memory: this.#backoff.memory((nodeName) => places.has(nodeName)),
    };
  }

  readonly #isCurrent = ({ templateHash }: Instance): boolean => templateHash === this.#input.templateHash;

  readonly #isAvailable = (instance: Instance): boolean =>
    isAvailableNow(instance, this.#input.daemonSet.spec.minReadySeconds, this.#input.nowMs);

  /** Returns whether the node gets no new one yet, because what was there has failed. */
  #settleEnded({ node, match, ended }: Place): boolean {
    const { nowMs } = this.#input;
    let isHeld = false;
    for (const instance of ended) {
      const counts = match.kind === "wanted" && this.#isCurrent(instance) && isFailure(instance);
      const freeAtMs = counts ? this.#backoff.freeAtMs(node.name) : nowMs;
      if (freeAtMs > nowMs) {
        isHeld = true;
        this.#wakeAtMs = earliest(this.#wakeAtMs, freeAtMs);
        continue;
      }
      this.#steps.push({ kind: "forgetInstance", uid: instance.uid });
      if (!counts) continue;
      this.#backoff.noteReplaced(node.name);
      this.#replaced.push(instance);
    }
    return isHeld;
  }

  /** What is there and should not be. */
  #settleLive({ node, match, live }: Place): void {
    if (live.length === 0) return;
    if (match.kind === "unwanted") {
      for (const instance of live) this.#stop(instance, `node ${node.name} does not match: ${match.why}`);
      return;
    }
    if (match.kind === "kept" || node.connection.kind === "lost")
      for (const instance of live)
        if (instance.state.kind === "pending") this.#stop(instance, `node ${node.name} gets none now`);
    if (live.length > 1) this.#stopDuplicates(live);
  }

  /** The one that has come farthest stays; of a surge, one of each template. */
  #stopDuplicates(live: readonly Instance[]): void {
    const current = live.filter(this.#isCurrent);
    const old = live.filter((instance) => !this.#isCurrent(instance));
    const groups = this.#surges ? [current, old] : [live];
    for (const group of groups)
      for (const instance of inRemovalOrder(group).slice(0, -1))
        this.#stop(instance, "its node has another one");
  }

  get #surges(): boolean {
    const { spec } = this.#input.daemonSet;
    return spec.updateStrategy.type === "RollingUpdate" && this.#limits.surge > 0;
  }

  #update(): void {
    const { daemonSet, refusal, revisions, templateHash } = this.#input;
    const { spec } = daemonSet;
    // Nothing goes for a template of which nothing can be made.
    const canCreate = refusal === undefined && revisions.some((one) => one.templateHash === templateHash);
    if (spec.updateStrategy.type === "OnDelete" || !canCreate) return;
    const view = {
      places: this.#staying(),
      limits: this.#limits,
      isCurrent: this.#isCurrent,
      isAvailable: this.#isAvailable,
    };
    const { stop, surgeOn } = this.#limits.surge > 0 ? planSurge(view) : planReplacements(view);
    for (const instance of stop) this.#stop(instance, templateChanged);
    for (const { name } of surgeOn) this.#createOn.push(name);
  }

  #staying(): Iterable<Pick<Place, "node" | "match" | "live">> {
    const places = this.#census.places.values();
    if (this.#leaving.size === 0) return places;
    return Array.from(places, ({ node, match, live }) => {
      return { node, match, live: live.filter(({ uid }) => !this.#leaving.has(uid)) };
    });
  }

  #lacksOne({ node, match, live, stopping }: Place): boolean {
    return (
      match.kind === "wanted" && node.connection.kind === "connected" && live.length === 0 && stopping === 0
    );
  }

  #evictLeaving(): void {
    for (const { live } of this.#census.places.values())
      for (const { uid, leaving } of live)
        if (leaving !== undefined && !this.#leaving.has(uid))
          this.#steps.push({ kind: "evictInstance", uid, why: leaving });
  }

  #planRevisions() {
    const { daemonSet, templateHash, revisions } = this.#input;
    const inUse = new Set<string>();
    for (const { live } of this.#census.places.values())
      for (const instance of live) inUse.add(instance.templateHash);
    const historyLimit = daemonSet.spec.revisionHistoryLimit;
    return planRevisions({ templateHash, revisions, inUse, historyLimit });
  }

  #creations(): readonly Step[] {
    const { templateHash, refusal } = this.#input;
    const count = this.#createOn.length;
    if (count === 0) return [];
    if (refusal !== undefined) return [failedCreate(refusal)];
    const steps = this.#createOn.map((targetNode): Step => {
      return { kind: "createInstances", count: 1, templateHash, targetNode };
    });
    const where = count === 1 ? `on node ${this.#createOn[0]}` : `on ${count} nodes`;
    const message = `creates ${count} ${count === 1 ? "instance" : "instances"} of template ${templateHash}, ${where}`;
    return [...steps, { kind: "recordEvent", type: "Normal", reason: "InstancesCreated", message }];
  }

  #failureEvent(): readonly Step[] {
    const [first] = this.#replaced;
    if (first?.state.kind !== "ended") return [];
    const { nodeName, observed } = first.state;
    const others = this.#replaced.length - 1;
    const message =
      `instance ${first.name} on node ${nodeName} has failed and is replaced: ${observed.reason}` +
      (observed.message === "" ? "" : `, ${observed.message}`) +
      (others > 0 ? `; and ${others} on other nodes` : "");
    return [{ kind: "recordEvent", type: "Warning", reason: "FailedDaemonInstance", message }];
  }

  /** Looks again when the next one that is ready counts as available. */
  #noteAvailability(): void {
    const { daemonSet, nowMs } = this.#input;
    const { minReadySeconds } = daemonSet.spec;
    if (minReadySeconds === 0) return;
    for (const { live } of this.#census.places.values())
      for (const instance of live) {
        const atMs = availableAtMs(instance, minReadySeconds);
        if (atMs !== undefined && atMs > nowMs) this.#wakeAtMs = earliest(this.#wakeAtMs, atMs);
      }
  }

  #drop(instance: Instance, why: string): void {
    if (instance.state.kind === "ended") this.#steps.push({ kind: "forgetInstance", uid: instance.uid });
    else if (instance.state.kind !== "stopping") this.#stop(instance, why);
  }

  #stop({ uid }: Instance, why: string): void {
    if (this.#leaving.has(uid)) return;
    this.#leaving.add(uid);
    this.#steps.push({ kind: "stopInstance", uid, why });
  }
}
