import type { WasmDaemonSet } from "../gen/kinds.gen.ts";
import { type FieldError, invalidValue, unsupportedValue } from "./field-error.ts";
import { amountOf, validateInstanceAmount } from "./instance-amount.ts";
import { instanceTemplateWarnings, validateInstanceTemplate } from "./instance-template.ts";
import { validateWorkloadSelector } from "./workload-selector.ts";

type Spec = WasmDaemonSet["spec"];

const hostnameLabel = "kubernetes.io/hostname";

/** As apps/v1 DaemonSet is validated. */
export function validateWasmDaemonSet(
  { spec }: WasmDaemonSet,
  old: WasmDaemonSet | undefined,
): readonly FieldError[] {
  const { restartPolicy } = spec.template.spec;
  return [
    ...validateInstanceTemplate(spec.template, "spec.template"),
    ...(restartPolicy === undefined || restartPolicy === "Always"
      ? []
      : [unsupportedValue("spec.template.spec.restartPolicy", restartPolicy, ["Always"])]),
    ...validateWorkloadSelector(spec, old?.spec, "daemon set"),
    ...validateUpdateStrategy(spec.updateStrategy),
  ];
}

/** What is legal, and is probably not what was meant. */
export function wasmDaemonSetWarnings({ spec }: WasmDaemonSet): readonly string[] {
  const { template, updateStrategy } = spec;
  const field = "spec.template.spec";
  const fixed = (template.spec.listeners ?? []).findIndex(({ port }) => port !== 0);
  const surges =
    updateStrategy.type === "RollingUpdate" && amountOf(updateStrategy.rollingUpdate.maxSurge) > 0;
  const host = pinOf(spec);
  return [
    ...instanceTemplateWarnings(template, "spec.template"),
    ...(surges && fixed >= 0
      ? [
          `${field}.listeners[${fixed}].port: a node has a port once, so the second instance of an update waits for the first; use maxSurge 0, or port 0`,
        ]
      : []),
    ...(host === undefined
      ? []
      : [`${host}: it names nodes, so new nodes get no instance; select them by what they have in common`]),
  ];
}

/** Where the template names nodes; undefined: it does not. */
function pinOf({ template: { spec } }: Spec): string | undefined {
  if (Object.hasOwn(spec.nodeSelector ?? {}, hostnameLabel))
    return `spec.template.spec.nodeSelector[${hostnameLabel}]`;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const isPinned = (required?.nodeSelectorTerms ?? []).some(
    ({ matchExpressions = [], matchFields = [] }) =>
      matchFields.some(({ key, operator }) => key === "metadata.name" && operator === "In") ||
      matchExpressions.some(({ key, operator }) => key === hostnameLabel && operator === "In"),
  );
  return isPinned ? "spec.template.spec.affinity.nodeAffinity" : undefined;
}

function validateUpdateStrategy({ type, rollingUpdate }: Spec["updateStrategy"]): readonly FieldError[] {
  const field = "spec.updateStrategy.rollingUpdate";
  const errors = (["maxSurge", "maxUnavailable"] as const).flatMap((name) =>
    validateInstanceAmount(rollingUpdate[name], `${field}.${name}`),
  );
  if (errors.length > 0 || type !== "RollingUpdate") return errors;
  const { maxSurge, maxUnavailable } = rollingUpdate;
  const [surges, yields] = [amountOf(maxSurge) > 0, amountOf(maxUnavailable) > 0];
  if (surges && yields)
    return [
      invalidValue(
        `${field}.maxSurge`,
        maxSurge,
        `may not be set when maxUnavailable is not 0; set maxUnavailable (${maxUnavailable}) to 0 for a second instance first, or maxSurge to 0 for the old one to go first`,
      ),
    ];
  if (surges || yields) return [];
  return [invalidValue(`${field}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0")];
}
