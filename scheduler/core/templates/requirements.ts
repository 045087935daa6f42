/** What placement has to know of a template. */
import type {
  Affinity,
  AffinityTerm,
  InstanceSpec,
  LabelSelector,
  Quantity,
} from "../../../api/gen/kinds.gen.ts";
import { directListenerOf } from "../../../api/direct-listener.ts";
import { imagePath } from "../../../api/host-paths.ts";
import { requestedIsolation } from "../../../api/isolation.ts";
import type { ListenPlace } from "../../../api/listen-rules.ts";
import { parseAddress } from "../../../api/network.ts";
import { qosClass } from "../../../api/qos.ts";
import { countOf, cpuMillis, memoryBytes } from "../../../api/quantity.ts";
import {
  type Amounts,
  type InstanceAffinity,
  type InstanceClaims,
  noAffinity,
  noAmounts,
  noClaims,
  type PlacementRequirements,
  type SpreadConstraint,
  type Toleration,
} from "../model.ts";
import { memoryPressureToleration } from "../node-pressure.ts";

const defaultRuntime = "v8";

type Labels = Readonly<Record<string, string>>;

export interface RequirementsSource {
  readonly ownerUid: string;
  readonly namespace: string;
  /** As its instances will have them. */
  readonly labels: Labels;
  readonly spec: InstanceSpec;
  /** What its instances tolerate beside what the template says. */
  readonly tolerations: readonly Toleration[];
}

/** Where a request is missing its limit counts, as in Kubernetes; where both are, nothing is reserved. */
export function requirementsOf({
  ownerUid,
  namespace,
  labels,
  spec,
  tolerations: added,
}: RequirementsSource): PlacementRequirements {
  const { requests, limits } = spec.resources;
  const cpu = requests?.["cpu"] ?? limits?.["cpu"];
  const memory = requests?.["memory"] ?? limits?.["memory"];
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const preferred = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const tolerations = [...(spec.tolerations ?? []).map(tolerationOf), ...added];
  return {
    profile: spec.placementProfile ?? "",
    namespace,
    labels,
    runtime: spec.runtime ?? defaultRuntime,
    runtimeVersion: spec.runtimeVersion ?? "",
    runtimeFeatures: spec.runtimeFeatures ?? [],
    image: spec.module.image,
    moduleFile: imagePath(spec.module.image),
    requests: {
      cpuMillis: cpu === undefined ? 0 : cpuMillis(cpu),
      memoryBytes: memory === undefined ? 0 : memoryBytes(memory),
    },
    isolation: requestedIsolation(spec),
    claims: claimsOf(spec, ownerUid, namespace, labels, tolerations),
    nodeAffinity: {
      required: required?.nodeSelectorTerms,
      preferred: preferred.map(({ weight, preference }) => ({ weight, term: preference })),
    },
    spread: (spec.topologySpreadConstraints ?? []).map((constraint) => spreadOf(constraint, labels)),
    listeners: listenersOf(spec),
    hostPaths: (spec.volumes ?? []).flatMap(({ hostPath }) => (hostPath ? [hostPath.path] : [])),
    ownerUid,
    nodeSelector: spec.nodeSelector ?? {},
    tolerations: [
      ...tolerations,
      ...(qosClass(spec.resources) === "BestEffort" ? [] : [memoryPressureToleration]),
    ],
  };
}

function claimsOf(
  spec: InstanceSpec,
  ownerUid: string,
  namespace: string,
  labels: Labels,
  tolerated: readonly Toleration[],
): InstanceClaims {
  const extended = extendedAmounts({ ...spec.resources.limits, ...spec.resources.requests });
  const direct = directListenerOf(spec);
  const ports = listenersOf(spec)
    .filter(({ port }) => port !== 0)
    .map((place) => (direct === undefined ? place : { ...place, sharer: ownerUid }));
  const affinity = affinityOf(spec.affinity, namespace, labels);
  const tolerations = tolerated.filter(({ effect }) => effect === "" || effect === "NoExecute");
  const isNothing = extended === noAmounts && affinity === noAffinity;
  if (isNothing && ports.length + tolerations.length === 0) return noClaims;
  return { extended, ports, affinity, tolerations };
}

function listenersOf({ listeners = [] }: InstanceSpec): readonly ListenPlace[] {
  return listeners.map(({ address, port }) => ({ address: parseAddress(address) ?? address, port }));
}

/** What is longer than that is for ever, and what is more than that no node has. */
function clamped(amount: number): number {
  return Math.max(0, Math.min(amount, Number.MAX_SAFE_INTEGER));
}

type TolerationSource = NonNullable<InstanceSpec["tolerations"]>[number];

function tolerationOf({ key, operator, value, effect, tolerationSeconds }: TolerationSource): Toleration {
  return {
    key: key ?? "",
    operator,
    value: value ?? "",
    effect: effect ?? "",
    ...(tolerationSeconds === undefined ? {} : { seconds: clamped(tolerationSeconds) }),
  };
}

function extendedAmounts(resources: Readonly<Record<string, Quantity>>): Amounts {
  const amounts = new Map<string, number>();
  for (const [name, quantity] of Object.entries(resources)) {
    if (name === "cpu" || name === "memory") continue;
    const amount = clamped(countOf(quantity));
    if (amount > 0) amounts.set(name, amount);
  }
  return amounts.size === 0 ? noAmounts : amounts;
}

function affinityOf(affinity: Affinity | undefined, namespace: string, labels: Labels): InstanceAffinity {
  const { instanceAffinity, instanceAntiAffinity } = affinity ?? {};
  if (!instanceAffinity && !instanceAntiAffinity) return noAffinity;
  const resolve = (term: AffinityTerm) => resolvedTerm(term, namespace, labels);
  const preferredOf = (source: typeof instanceAffinity, sign: 1 | -1) =>
    (source?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
      ({ weight, instanceAffinityTerm }) => ({ weight: sign * weight, term: resolve(instanceAffinityTerm) }),
    );
  return {
    near: (instanceAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(resolve),
    apart: (instanceAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(resolve),
    preferred: [...preferredOf(instanceAffinity, 1), ...preferredOf(instanceAntiAffinity, -1)],
  };
}

/** With its namespaces named, and its label keys as expressions of the selector. */
function resolvedTerm(term: AffinityTerm, namespace: string, labels: Labels): AffinityTerm {
  const { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector, namespaces, ...rest } = term;
  const isOwnNamespace = !namespaces?.length && term.namespaceSelector === undefined;
  return {
    ...rest,
    ...(labelSelector
      ? { labelSelector: withLabelKeys(labelSelector, labels, matchLabelKeys, mismatchLabelKeys) }
      : {}),
    namespaces: isOwnNamespace ? [namespace] : (namespaces ?? []),
  };
}

type SpreadSource = NonNullable<InstanceSpec["topologySpreadConstraints"]>[number];

function spreadOf(constraint: SpreadSource, labels: Labels): SpreadConstraint {
  const { labelSelector, matchLabelKeys = [], nodeAffinityPolicy, nodeTaintsPolicy } = constraint;
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    isRequired: constraint.whenUnsatisfiable === "DoNotSchedule",
    // Without a selector nothing is counted, as in Kubernetes.
    selector: labelSelector ? withLabelKeys(labelSelector, labels, matchLabelKeys, []) : selectsNothing,
    minDomains: constraint.minDomains ?? 1,
    honorsNodeAffinity: nodeAffinityPolicy !== "Ignore",
    honorsTaints: nodeTaintsPolicy === "Honor",
  };
}

const selectsNothing: LabelSelector = { matchExpressions: [{ key: "-", operator: "In", values: [] }] };

/** Keys that the instance itself does not have are left out, as in Kubernetes. */
function withLabelKeys(
  selector: LabelSelector,
  labels: Labels,
  matching: readonly string[],
  mismatching: readonly string[],
): LabelSelector {
  const expressions = (keys: readonly string[], operator: "In" | "NotIn") =>
    keys.flatMap((key) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
      return value === undefined ? [] : [{ key, operator, values: [value] }];
    });
  const added = [...expressions(matching, "In"), ...expressions(mismatching, "NotIn")];
  if (added.length === 0) return selector;
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...added] };
}
