/**
 * What people of a simulated cluster declare. To let the simulation use a field of templates, add a line to
 * `templateMakers`: nothing else needs to know.
 */
import type { InstanceSpec, WasmJobSpec } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import type { Dice } from "../soak/dice.ts";

export const namespaces = ["blue", "green"] as const;
export const zones = ["east", "west"] as const;
/** The last one no node has. */
const topologyKeys = ["zone", "zone", "kubernetes.io/hostname", "rack"];
export const priorityClassNames = ["low", "high"] as const;
const configMapName = "settings";

type Template = Partial<Omit<InstanceSpec, "module">> & { readonly image?: string };

/** Each makes a kind of template; `labels` are those that the instances will have. */
const templateMakers: Readonly<
  Record<string, (dice: Dice, labels: Readonly<Record<string, string>>) => Template>
> = {
  small: (dice) => requests(dice.pick([0, 50, 100]), dice.pick([16, 64])),
  large: (dice) => requests(dice.pick([700, 1_000, 1_500]), dice.pick([256, 1_024])),
  impossible: () => requests(100_000, 64),
  zoned: (dice) => ({ ...requests(100, 64), nodeSelector: { zone: dice.pick([...zones, "nowhere"]) } }),
  tolerant: (dice) => ({
    ...requests(100, 64),
    tolerations: [{ key: "dedicated", operator: "Exists", effect: dice.pick(["NoSchedule", "NoExecute"]) }],
  }),
  prior: (dice) => ({
    ...requests(dice.pick([100, 400, 1_200]), 128),
    priorityClassName: dice.chance(0.1) ? "unheard-of" : dice.pick(["low", "high", "high"]),
  }),
  alone: (dice) => ({
    ...requests(100, 64),
    isolation: "process",
    onDisconnect: dice.pick(["stop", "continue"]),
  }),
  guaranteed: () => ({
    resources: { requests: { cpu: "200m", memory: "64Mi" }, limits: { cpu: "200m", memory: "64Mi" } },
  }),
  needsProcess: () => ({ ...requests(50, 32), image: "file:///needs-process.wasm" }),
  configured: () => ({
    ...requests(50, 32),
    envFrom: [{ configMapRef: { name: configMapName, optional: false } }],
  }),
  mounted: (dice) => ({
    ...requests(50, 32),
    volumes: [{ name: "settings", configMap: { name: configMapName, optional: dice.chance(0.5) } }],
    mounts: [{ volume: "settings", path: "/settings", readOnly: true }],
  }),
  slowToStop: (dice) => ({
    ...requests(300, 64),
    stopNotice: "stdin",
    terminationGracePeriodSeconds: dice.pick([2, 10, 40]),
  }),
  near: (dice, labels) => ({ ...requests(50, 32), affinity: { instanceAffinity: required(dice, labels) } }),
  apart: (dice, labels) => ({
    ...requests(50, 32),
    affinity: { instanceAntiAffinity: required(dice, labels) },
  }),
  spread: (dice, labels) => ({
    ...requests(50, 32),
    topologySpreadConstraints: [
      {
        maxSkew: dice.pick([1, 2]),
        topologyKey: dice.pick(topologyKeys),
        whenUnsatisfiable: dice.pick(["DoNotSchedule", "DoNotSchedule", "ScheduleAnyway"] as const),
        labelSelector: { matchLabels: labels },
        ...(dice.chance(0.3) ? { minDomains: 1 + dice.below(4) } : {}),
      },
    ],
  }),
  chosenNodes: (dice) => ({ ...requests(100, 64), affinity: { nodeAffinity: chosenNodes(dice) } }),
  foreignProfile: () => ({ ...requests(50, 32), placementProfile: "unheard-of" }),
  foreignRuntime: () => ({ ...requests(50, 32), runtime: "wasmtime" }),
};

/** Of its own kind, or of what another workload may be. */
function required(dice: Dice, labels: Readonly<Record<string, string>>) {
  const matchLabels = dice.chance(0.7) ? labels : { app: `web-${dice.below(8)}` };
  return {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey: dice.pick(topologyKeys), labelSelector: { matchLabels } },
    ],
  };
}

function chosenNodes(dice: Dice) {
  const operator = dice.pick(["In", "NotIn", "Exists", "DoesNotExist"] as const);
  const values = operator === "In" || operator === "NotIn" ? { values: [dice.pick(zones)] } : {};
  const term = { matchExpressions: [{ key: "zone", operator, ...values }] };
  return {
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] },
    preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1 + dice.below(100), preference: term }],
  };
}

/** Most are small, so that there is room for surprises. */
const commonMakers = [
  "small",
  "mounted",
  "mounted",
  "large",
  "large",
  "slowToStop",
  "prior",
  "prior",
  "spread",
  "apart",
];

function requests(cpuMillis: number, mebibytes: number): Template {
  return { resources: { requests: { cpu: `${cpuMillis}m`, memory: `${mebibytes}Mi` } } };
}

/** As the API server would have defaulted it. */
export function makeTemplate(dice: Dice, app: string, restartPolicy: InstanceSpec["restartPolicy"]) {
  const name = dice.chance(0.5) ? dice.pick(commonMakers) : dice.pick(Object.keys(templateMakers));
  const labels = { app };
  const make = templateMakers[name];
  if (make === undefined) throw new Error(`no maker of templates is called ${name}`);
  const made = make(dice, labels);
  const { image = `file:///${dice.pick(["a", "b", "c"])}.wasm`, ...spec } = made;
  return {
    metadata: { labels, annotations: { made: name } },
    spec: {
      module: { image },
      resources: {},
      terminationGracePeriodSeconds: 30,
      terminationMessagePolicy: "File",
      stopNotice: "none",
      restartPolicy,
      // So that one template seldom equals another.
      args: [String(dice.below(1_000))],
      ...spec,
    },
  };
}

/** What there is to create: without what the store adds. */
export type Draft = Omit<ApiObject, "metadata"> & { readonly metadata: Partial<ApiObject["metadata"]> };

export function makeDeployment(dice: Dice, name: string): Draft {
  const type = dice.chance(0.85) ? "RollingUpdate" : "Recreate";
  const [maxSurge, maxUnavailable] = dice.pick([
    ["25%", "25%"],
    [1, 0],
    [0, 1],
    [2, 1],
    ["100%", "50%"],
  ] as const);
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name, namespace: dice.pick(namespaces) },
    spec: {
      replicas: dice.chance(0.2) ? 0 : dice.below(12),
      wakeOnRequest: dice.chance(0.4),
      strategy: { type, rollingUpdate: { maxSurge, maxUnavailable } },
      minReadySeconds: dice.pick([0, 0, 0, 2, 10]),
      progressDeadlineSeconds: dice.pick([15, 60, 600]),
      autoRollback: dice.chance(0.4),
      paused: dice.chance(0.05),
      revisionHistoryLimit: dice.pick([0, 2, 10]),
      rolloutOnConfigChange: dice.chance(0.2),
      rebalancePolicy: dice.pick(["Never", "WhenBetter"]),
      template: makeTemplate(dice, name, "Always"),
    },
  };
}

export function makeJob(dice: Dice, name: string): Draft {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmJob",
    metadata: { name, namespace: dice.pick(namespaces) },
    spec: { ...makeJobSpec(dice, name), suspend: dice.chance(0.1) },
  };
}

function makeJobSpec(dice: Dice, name: string, ttlMin = 0) {
  const ttl = dice.chance(0.3) ? { ttlSecondsAfterFinished: ttlMin + dice.below(30) } : {};
  const deadline = dice.chance(0.15) ? { activeDeadlineSeconds: 10 + dice.below(120) } : {};
  const completions = 1 + dice.below(12);
  const policies = dice.chance(0.5) ? jobPolicies(dice, completions) : {};
  const asksBeforeRestarts = "failurePolicy" in policies || "backoffLimitPerIndex" in policies;
  return {
    // Without completions it has a queue of work.
    ...(Object.keys(policies).length === 0 && dice.chance(0.15) ? {} : { completions }),
    parallelism: 1 + dice.below(5),
    suspend: false,
    backoffLimit: dice.pick([0, 6, 30]),
    placementPolicy: dice.chance(0.3) ? "AllOrNothing" : "Independent",
    ...ttl,
    ...deadline,
    ...policies,
    template: makeTemplate(
      dice,
      name,
      asksBeforeRestarts ? "Never" : dice.pick(["Never", "Never", "OnFailure"]),
    ),
  };
}

/** With less, what a scheduler is making that leads no more may come when the job has been and is gone. */
const cronTtlMin = 10;
const schedules = ["*/5 * * * * *", "*/20 * * * * *", "* * * * *", "*/2 * * * *"];

export function makeCronJob(dice: Dice, name: string): Draft {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmCronJob",
    metadata: { name, namespace: dice.pick(namespaces) },
    spec: { ...makeTimes(dice), jobTemplate: { spec: makeJobSpec(dice, name, cronTtlMin) } },
  };
}

/** All of a cron job that people change. */
export function makeTimes(dice: Dice): Readonly<Record<string, unknown>> {
  return {
    schedule: dice.pick(schedules),
    concurrencyPolicy: dice.pick(["Allow", "Forbid", "Forbid", "Replace"]),
    suspend: dice.chance(0.1),
    successfulJobsHistoryLimit: dice.below(3),
    failedJobsHistoryLimit: dice.below(2),
    ...(dice.chance(0.3) ? { startingDeadlineSeconds: 1 + dice.below(20) } : {}),
    ...(dice.chance(0.3) ? { timeZone: "Europe/Berlin" } : {}),
  };
}

/** What `tools/sim/checks/job-check.ts` says of failures holds as long as no rule counts a disruption. */
function jobPolicies(dice: Dice, completions: number): Partial<WasmJobSpec> {
  const isPerIndex = dice.chance(0.5);
  const actions = ["Ignore", "Count", "FailJob", ...(isPerIndex ? (["FailIndex"] as const) : [])] as const;
  const failureRules = [
    { action: dice.pick(actions), onReasons: [dice.pick(["Crashed", "ShimLost", "OutOfMemory"])] },
    {
      action: dice.pick(["Ignore", "Count"] as const),
      onExitCodes: { operator: "In", values: [1, 2] } as const,
    },
  ];
  return {
    ...(isPerIndex ? { backoffLimitPerIndex: dice.below(3) } : {}),
    ...(isPerIndex && dice.chance(0.5) ? { maxFailedIndexes: dice.below(completions) } : {}),
    ...(dice.chance(0.5) ? { failurePolicy: { rules: failureRules } } : {}),
    ...(dice.chance(0.4)
      ? { successPolicy: { rules: [{ succeededIndexes: "0" }, { succeededCount: completions }] } }
      : {}),
  };
}

export function makeQuota(dice: Dice): Draft {
  const hard = dice.pick<Readonly<Record<string, string>>>([
    { "requests.cpu": dice.pick(["1", "3", "500m"]) },
    { "requests.memory": dice.pick(["256Mi", "1Gi"]), "requests.cpu": "4" },
    { "limits.cpu": "2" },
    { "requests.cpu": "0" },
  ]);
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "quota", namespace: dice.pick(namespaces) },
    spec: { hard },
  };
}

export const budgetNames = ["budget-0", "budget-1"];

export function makeBudget(dice: Dice): Draft {
  const amount = dice.pick<number | string>([0, 1, 1, 2, 2, 3, "30%", "50%", "70%", "100%"]);
  const selector = dice.chance(0.7) ? {} : { matchLabels: { app: `web-${dice.below(8)}` } };
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDisruptionBudget",
    metadata: { name: dice.pick(budgetNames), namespace: dice.pick(namespaces) },
    spec: {
      selector,
      [dice.pick(["minAvailable", "maxUnavailable"])]: amount,
      unhealthyInstanceEvictionPolicy: dice.pick(["IfHealthyBudget", "AlwaysAllow"]),
    },
  };
}

export function makeConfigMap(dice: Dice): Draft {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: configMapName, namespace: dice.pick(namespaces) },
    data: { LEVEL: String(dice.below(100)) },
  };
}

export function makePriorityClass(dice: Dice, name = dice.pick(priorityClassNames)): Draft {
  return {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value: (name === "low" ? -10 : 1_000) + dice.below(3),
    globalDefault: dice.chance(0.1),
    preemptionPolicy: dice.pick(["PreemptLowerPriority", "Never"]),
  };
}
