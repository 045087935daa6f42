import type { Clock } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import type { Scale, ScaleBackend, ScaleReference } from "../backend/scale-backend.ts";
import type { ScaleTarget, TargetInstance, TargetProblem } from "../core/autoscaling/target.ts";
import { ownerLabel } from "../core/labels.ts";
import type { MetricOwner } from "./metric-source.ts";
import type { SelectedInstances, Selection } from "./selected-instances.ts";
import { type TargetCluster, targetInstances } from "./target-instances.ts";

export interface FollowedTargetOptions {
  readonly reference: ScaleReference;
  /** The autoscaler's name. */
  readonly autoscaler: string;
  readonly scales: ScaleBackend;
  readonly cluster: TargetCluster;
  readonly selected: SelectedInstances;
  readonly clock: Clock;
  /** It may have another scale now. */
  readonly changed: () => void;
}

export type TargetReading =
  | {
      readonly kind: "found";
      readonly scale: Scale;
      readonly target: ScaleTarget;
      /** Changes when the target is another one, of the same name. */
      readonly owner: MetricOwner;
    }
  | TargetProblem;

const ownGroup = "wherry.dev/";

/** What one autoscaler scales: its scale, and which instances are its. */
export class FollowedTarget implements Disposable {
  readonly reference: ScaleReference;
  readonly #options: FollowedTargetOptions;
  readonly #watch: Disposable;
  #owner: MetricOwner | undefined;
  #selection: { readonly selector: string; readonly selection: Selection } | undefined;
  /** Of this look. */
  #instances: readonly TargetInstance[] | undefined;

  constructor(options: FollowedTargetOptions) {
    this.reference = options.reference;
    this.#options = options;
    this.#watch = options.scales.watch(options.reference, options.changed);
  }

  async read(): Promise<TargetReading> {
    const { scales } = this.#options;
    this.forgetInstances();
    try {
      const reading = await scales.read(this.reference);
      if (reading.kind === "found") return this.#found(reading.scale);
      this.#owner = undefined;
      return reading;
    } catch (thrown) {
      return { kind: "unavailable", message: errorMessage(thrown) };
    }
  }

  /** What was gone through is out of date, and may be large. */
  forgetInstances(): void {
    this.#instances = undefined;
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#selection?.selection[Symbol.dispose]();
    this.#selection = undefined;
  }

  #found(scale: Scale): TargetReading {
    if (!ownsInstances(this.reference)) this.#select(scale.selector);
    const known = this.#owner;
    const owner = known?.targetUid === scale.uid ? known : this.#newOwner(scale.uid);
    this.#owner = owner;
    const { specReplicas, statusReplicas } = scale;
    return {
      kind: "found",
      scale,
      target: { specReplicas, statusReplicas, instances: owner.instances() },
      owner,
    };
  }

  #newOwner(targetUid: string): MetricOwner {
    const { autoscaler, cluster, clock } = this.#options;
    const instances = () => (this.#instances ??= targetInstances(this.#members(targetUid), cluster, clock));
    return { namespace: this.reference.namespace, autoscaler, targetUid, instances };
  }

  #members(uid: string) {
    const { cluster } = this.#options;
    return ownsInstances(this.reference)
      ? cluster.instancesOwnedBy(uid)
      : (this.#selection?.selection.instances() ?? []);
  }

  #select(selector: string): void {
    if (this.#selection?.selector === selector) return;
    this.#selection?.selection[Symbol.dispose]();
    const selection = this.#options.selected.open(this.reference.namespace, selector);
    this.#selection = { selector, selection };
  }
}

function ownsInstances({ apiVersion, kind }: ScaleReference): boolean {
  return apiVersion.startsWith(ownGroup) && Object.hasOwn(ownerLabel, kind);
}
