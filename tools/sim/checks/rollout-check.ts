/** Of deployments and daemon sets, as their leader sees them: what is made stays within surge, what is stopped within unavailable. */
import type { WasmDaemonSet, WasmDeployment } from "../../../api/gen/kinds.gen.ts";
import {
  isAvailable,
  notYetAvailable,
  type NotYet,
} from "../../../scheduler/core/controllers/availability.ts";
import { rolloutLimits } from "../../../scheduler/core/controllers/deployment/rollout-limits.ts";
import { isLive } from "../../../scheduler/core/controllers/removal-order.ts";
import type { Instance, WorkloadKind } from "../../../scheduler/core/model.ts";
import type { SchedulerProcess } from "../scheduler-process.ts";
import { checkDaemonMade, checkDaemonStopped } from "./daemon-set-check.ts";
import { demand } from "./violation.ts";

const plurals: Readonly<Partial<Record<WorkloadKind, string>>> = {
  WasmDeployment: "wasmdeployments",
  WasmDaemonSet: "wasmdaemonsets",
};

export class RolloutCheck {
  /** The names of instances, each with what was last known of it. */
  readonly #seen = new Map<string, Instance>();
  /** Uids that somebody else than the deployment's controller has ended. */
  readonly #excused: ReadonlySet<string>;

  constructor(excused: ReadonlySet<string>) {
    this.#excused = excused;
  }

  /** Called for each change, in order. */
  changed(scheduler: SchedulerProcess, namespace: string, name: string): void {
    const { engine, backend } = scheduler;
    const key = `${namespace}/${name}`;
    const before = this.#seen.get(key);
    const instance = engine.instanceNamed(namespace, name);
    if (instance === undefined) {
      this.#seen.delete(key);
      return;
    }
    this.#seen.set(key, instance);
    const { owner, state } = instance;
    const plural = plurals[owner.kind];
    const object = plural && backend.get({ group: "wherry.dev", plural }, namespace, owner.name);
    // It is going, or there is another one of its name by now: its instances just go.
    if (!object || object.metadata.uid !== owner.uid) return;
    // The backend delivers only objects of these forms.
    const { spec } = object as unknown as WasmDaemonSet | WasmDeployment;
    const notYet = notYetAvailable(spec.minReadySeconds, scheduler.clock.now());
    const isMade = before === undefined && state.kind === "pending";
    const isStopped =
      state.kind === "stopping" &&
      before !== undefined &&
      before.state.kind !== "stopping" &&
      isAvailable(before, notYet) &&
      // Of those that were to leave their nodes, budgets alone decide where no other node takes another one.
      before.leaving === undefined &&
      !this.#excused.has(instance.uid) &&
      !isVictim(engine, instance);
    if (owner.kind === "WasmDaemonSet") {
      const daemonSet = object as unknown as WasmDaemonSet;
      if (isMade) checkDaemonMade(scheduler, daemonSet, instance);
      if (isStopped) checkDaemonStopped(scheduler, daemonSet, instance);
      return;
    }
    const deployment = object as unknown as WasmDeployment;
    const owned = [...engine.instances(namespace)].filter((other) => other.owner.uid === owner.uid);
    if (isMade) this.#made(deployment, owned);
    if (isStopped) this.#stopped(deployment, owned, notYet);
  }

  #made({ metadata, spec }: WasmDeployment, owned: readonly Instance[]): void {
    // What a request wakes up is made before the store has heard of it.
    const replicas = spec.wakeOnRequest === true ? Math.max(1, spec.replicas) : spec.replicas;
    const { totalMax } = rolloutLimits({ ...spec, replicas });
    const total = owned.filter(isLive).length;
    demand(
      total <= totalMax,
      "rollout",
      () => `deployment ${metadata.name} was given ${total} instances, at most ${totalMax} may be`,
    );
  }

  #stopped({ metadata, spec }: WasmDeployment, owned: readonly Instance[], notYet: NotYet): void {
    if (spec.strategy.type === "Recreate") return;
    const { availableMin } = rolloutLimits(spec);
    const available = owned.filter((one) => isAvailable(one, notYet)).length;
    demand(
      available >= availableMin,
      "rollout",
      () =>
        `deployment ${metadata.name} was left ${available} available instances, at least ${availableMin} must be`,
    );
  }
}

/** Whether it has to go for one that comes before it, and for which its node is reserved, or because its node wants nobody. */
function isVictim(engine: SchedulerProcess["engine"], { state, priority }: Instance): boolean {
  if (state.kind === "pending") return false;
  const node = [...engine.clusterNodes()].find(({ name }) => name === state.nodeName);
  if (node?.taints.some(({ effect }) => effect === "NoExecute")) return true;
  return [...engine.instances(undefined)].some(
    (other) =>
      other.state.kind === "pending" &&
      other.state.nominatedNode === state.nodeName &&
      other.priority > priority,
  );
}
