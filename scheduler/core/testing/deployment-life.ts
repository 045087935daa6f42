/**
 * A deployment's life for tests: its instances, its stored status and its revisions, as the engine and the nodes would have
 * them, and a clock. Whoever tests decides what happens; every look checks what must hold at each moment.
 */
import type { WasmDeployment, WasmDeploymentSpec, WasmDeploymentStatus } from "../../../api/gen/kinds.gen.ts";
import type { Instance, Revision } from "../model.ts";
import { aDeployment, anInstance, aStatus, ended, pending, startMs, stopping } from "./builders.ts";
import { isAvailable, notYetAvailable } from "../controllers/availability.ts";
import { isLive } from "../controllers/removal-order.ts";
import type { Step } from "../controllers/step.ts";
import { reconcileDeployment } from "../controllers/deployment/deployment.ts";
import { rolloutLimits } from "../controllers/deployment/rollout-limits.ts";

export class DeploymentLife {
  nowMs = startMs;
  deployment: WasmDeployment;
  templateHash = "v1";
  instances: readonly Instance[] = [];
  revisions: readonly Revision[] = [];
  /** Why nothing can be made. */
  refusal: string | undefined;
  /** Templates of which nothing can be made. */
  readonly refused = new Set<string>();
  wakeAtMs: number | undefined;
  /** Reasons of all events, in order. */
  readonly events: string[] = [];
  /** Whether statuses are stored as soon as they are known. */
  storesAtOnce = true;
  /** Whether a template's instances ever become ready. */
  works: (templateHash: string) => boolean = (hash) => !hash.startsWith("broken");
  /** Whether the budgets let an instance go. */
  mayDisrupt: (instance: Instance) => boolean = () => true;
  #made = 0;
  #unstored: WasmDeploymentStatus | undefined;

  constructor(spec: Partial<WasmDeploymentSpec> = {}) {
    this.deployment = aDeployment(spec);
  }

  get status(): WasmDeploymentStatus {
    return this.deployment.status ?? {};
  }

  get phase(): string | undefined {
    return this.status.rollout?.phase;
  }

  get live(): readonly Instance[] {
    return this.instances.filter(isLive);
  }

  get available(): readonly Instance[] {
    const notYet = notYetAvailable(this.deployment.spec.minReadySeconds, this.nowMs);
    return this.live.filter((instance) => isAvailable(instance, notYet));
  }

  /** How many live ones there are of each template, such as `v1:8 v2:5`. */
  get tally(): string {
    const counts = new Map<string, number>();
    for (const { templateHash } of this.live) counts.set(templateHash, (counts.get(templateHash) ?? 0) + 1);
    return [...counts]
      .map(([hash, count]) => `${hash}:${count}`)
      .toSorted()
      .join(" ");
  }

  reasonOf(type: string): string | undefined {
    const condition = this.status.conditions?.find((one) => one.type === type);
    return condition && `${condition.status} ${condition.reason}`;
  }

  edit(spec: Partial<WasmDeploymentSpec>, templateHash = this.templateHash): void {
    const { metadata } = this.deployment;
    this.deployment = {
      ...this.deployment,
      metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 },
      spec: { ...this.deployment.spec, ...spec },
    };
    this.templateHash = templateHash;
  }

  /** One look, and what it wants done. */
  look(): readonly Step[] {
    const { deployment, templateHash, revisions, instances, nowMs } = this;
    const refusalOf = (hash: string) =>
      this.refused.has(hash) ? "no PriorityClass was found" : this.refusal;
    const result = reconcileDeployment({ deployment, templateHash, revisions, instances, refusalOf, nowMs });
    this.wakeAtMs = result.wakeAtMs;
    this.#unstored = result.status === deployment.status ? undefined : result.status;
    this.#checkSteps(result.steps);
    this.#checkStatus(result.status);
    for (const step of result.steps) this.#execute(step);
    if (this.storesAtOnce) this.store();
    return result.steps.filter(({ kind }) => kind !== "recordEvent");
  }

  /** The status of the last look is written. */
  store(): void {
    if (this.#unstored) this.deployment = { ...this.deployment, status: this.#unstored };
    this.#unstored = undefined;
  }

  /** Whoever leads next knows what is stored and what nodes have. */
  changeLeader(): void {
    this.#unstored = undefined;
    this.instances = this.instances
      .filter(({ state }) => state.kind !== "pending")
      .map((instance) => ({ ...instance, leaving: undefined }));
  }

  change(uid: string, change: Partial<Instance> | undefined): void {
    this.instances = this.instances.flatMap((instance) => {
      if (instance.uid !== uid) return [instance];
      return change === undefined ? [] : [{ ...instance, ...change }];
    });
  }

  /** Its node takes it, or it starts, or becomes ready if its template works; a stopping one is gone. */
  advance({ uid, state, templateHash }: Instance): void {
    if (state.kind === "stopping") this.change(uid, { state: ended("Failed", "Stopped") });
    else if (state.kind === "pending") this.change(uid, { state: this.#boundState(false) });
    else if (state.kind === "bound" && this.works(templateHash) && !state.observed?.ready)
      this.change(uid, { state: this.#boundState(true) });
  }

  /** It fails, and its node starts it again. */
  fail({ uid, state }: Instance): void {
    if (state.kind === "bound") this.change(uid, { state: this.#boundState(false, 1) });
  }

  die({ uid, state }: Instance): void {
    if (state.kind === "bound") this.change(uid, { state: ended("Failed", "NodeLost") });
  }

  /** Goes on until nothing is left to do but to wait. Throws if that is never so. */
  settle(): void {
    for (let round = 0; round < roundsMax; round++) {
      const before = this.instances;
      for (const instance of before) this.advance(instance);
      this.look();
      if (this.instances !== before || this.#unstored) continue;
      const { wakeAtMs } = this;
      if (wakeAtMs === undefined) return;
      this.nowMs = Math.max(this.nowMs + 1, wakeAtMs);
    }
    throw new Error(`there is no end to it: ${this.tally}, ${JSON.stringify(this.status)}`);
  }

  /** As far as it comes without time going by. */
  quiesce(): void {
    for (let round = 0; round < roundsMax; round++) {
      const before = this.instances;
      for (const instance of before) this.advance(instance);
      this.look();
      if (this.instances === before) return;
    }
    throw new Error(`it never comes to rest: ${this.tally}`);
  }

  #boundState(ready: boolean, restarts = 0): Instance["state"] {
    const readySinceMs = ready ? this.nowMs : undefined;
    return { kind: "bound", nodeName: "n1", observed: aStatus({ ready, readySinceMs, restarts }) };
  }

  #execute(step: Step): void {
    switch (step.kind) {
      case "createInstances":
        for (let made = 0; made < step.count; made++) {
          const uid = `i${this.#made++}`;
          const { templateHash } = step;
          const one = anInstance(uid, { templateHash, state: pending, createdMs: this.nowMs });
          this.instances = [...this.instances, one];
        }
        return;
      case "stopInstance":
        this.#stop(step.uid);
        return;
      case "evictInstance": {
        const instance = this.instances.find(({ uid }) => uid === step.uid);
        if (instance && this.mayDisrupt(instance)) this.#stop(step.uid);
        return;
      }
      case "forgetInstance":
        this.change(step.uid, undefined);
        return;
      case "recordRevision": {
        const { templateHash } = step.revision;
        const others = this.revisions.filter((one) => one.templateHash !== templateHash);
        this.revisions = [...others, step.revision];
        // Its controller is told.
        this.instances = [...this.instances];
        return;
      }
      case "deleteRevision":
        this.revisions = this.revisions.filter(({ templateHash }) => templateHash !== step.templateHash);
        return;
      case "recordEvent":
        this.events.push(step.reason);
        return;
      case "createForSlot":
      case "deleteOwner":
        return;
    }
  }

  #stop(uid: string): void {
    const instance = this.instances.find((one) => one.uid === uid);
    if (instance?.state.kind === "pending") this.change(uid, undefined);
    else if (instance?.state.kind === "bound") this.change(uid, { state: stopping() });
  }

  #checkSteps(steps: readonly Step[]): void {
    const { spec } = this.deployment;
    const { totalMax, availableMin } = rolloutLimits(spec);
    let total = this.live.length;
    let available = this.available.length;
    const isServing = new Set(this.available.map(({ uid }) => uid));
    for (const step of steps) {
      if (step.kind === "createInstances") {
        total += step.count;
        demand(step.count > 0, `makes ${step.count}`);
        demand(total <= totalMax, `${total} instances of at most ${totalMax}: ${this.tally}`);
        const isKept = this.revisions.some(({ templateHash }) => templateHash === step.templateHash);
        demand(isKept, `makes instances of ${step.templateHash}, which is not kept`);
      }
      if (step.kind !== "stopInstance" || spec.strategy.type === "Recreate" || !isServing.has(step.uid))
        continue;
      available--;
      demand(
        available >= availableMin,
        `leaves ${available} available of at least ${availableMin}: ${this.tally}`,
      );
    }
  }

  #checkStatus({ conditions, observedGeneration, rollout }: WasmDeploymentStatus): void {
    const unknown = Object.keys(rollout ?? {}).filter((field) => !rolloutFields.has(field));
    demand(unknown.length === 0, `its rollout has ${unknown.join(", ")}, which no schema knows`);
    const isReady = conditions?.some(({ type, status }) => type === "Ready" && status === "True");
    demand(observedGeneration === this.deployment.metadata.generation, "it says what it has not seen");
    if (!isReady) return;
    const { replicas } = this.deployment.spec;
    const current = this.available.filter(({ templateHash }) => templateHash === this.templateHash);
    demand(current.length >= replicas, `is Ready with ${current.length} of ${replicas}`);
    demand(
      this.live.every(({ templateHash }) => templateHash === this.templateHash),
      `is Ready with ${this.tally}`,
    );
  }
}

const roundsMax = 300;
const rolloutFields: ReadonlySet<string> = new Set<keyof NonNullable<WasmDeploymentStatus["rollout"]>>([
  "templateHash",
  "phase",
  "progressTime",
  "rolledBackTo",
  "replicas",
  "updatedReplicas",
  "readyReplicas",
  "availableReplicas",
  "oldReplicas",
]);

function demand(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}
