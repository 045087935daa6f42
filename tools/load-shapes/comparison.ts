/** The same loads for Wherry's autoscaler and for the HPA, which is given its usual surroundings and, one after the other, ours. */
import type { WasmAutoscalerSpec } from "../../api/gen/kinds.gen.ts";
import { defaultRules, type HpaRules } from "./hpa.ts";
import type { LoadShape } from "./shapes.ts";
import { HpaScaler, OwnScaler, type Phase, type Pipeline } from "./scalers.ts";
import { firstReplicas, live, type Life } from "./workload-model.ts";

/** A start in a warm process takes a few milliseconds, a request that wakes a cold component 61 (README.md): a tick of the model. */
const ownStartMs = 100;

/** Kubernetes promises five seconds for 99 of 100 pods whose image is there (its SLO of pod startup latency); most are faster. */
const podStartMs = 3_000;

/** metrics-server's --metric-resolution and the kubelet's window. Prometheus is asked less often by default. */
const metricsServer: Pipeline = { sampleMs: 15_000, everyMs: 15_000 };

/** What we have ourselves: the mean of ten seconds, every second. */
const fresh: Pipeline = { sampleMs: 10_000, everyMs: 1_000 };

export type Contestant =
  | "HPA"
  | "HPA, fast starts"
  | "HPA, fast starts, fresh data"
  | "HPA, narrow"
  | "Wherry"
  | "Wherry, narrow";

/** What is seen sooner may be answered more closely and given back sooner. Found with the loads for tuning, and the same for all. */
const narrow = { tolerance: "0.05", downWindowSeconds: 180 } as const;

const narrowBehavior = {
  scaleUp: { selectPolicy: "Max", tolerance: narrow.tolerance },
  scaleDown: {
    selectPolicy: "Max",
    tolerance: narrow.tolerance,
    stabilizationWindowSeconds: narrow.downWindowSeconds,
  },
} as const;

const narrowRules: HpaRules = {
  ...defaultRules,
  tolerance: Number(narrow.tolerance),
  downWindowMs: narrow.downWindowSeconds * 1_000,
};

export interface Outcome {
  /** On average over the phases. */
  readonly overTarget: number;
  readonly instanceHours: number;
  /** Of the phase in the middle, for pictures. */
  readonly life: Life;
}

export interface Comparison {
  readonly shape: LoadShape;
  readonly outcomes: Readonly<Record<Contestant, Outcome>>;
}

/** What it sees depends on when it happens to look, and how old the sample is then. */
const phases: readonly Phase[] = [
  { syncAtMs: 0, ageMs: 7_000 },
  { syncAtMs: 3_000, ageMs: 1_000 },
  { syncAtMs: 6_000, ageMs: 10_000 },
  { syncAtMs: 9_000, ageMs: 4_000 },
  { syncAtMs: 12_000, ageMs: 13_000 },
].map(({ syncAtMs, ageMs }) => ({ syncAtMs, sampleAtMs: (syncAtMs + 15_000 - ageMs) % 15_000 }));

function own(shape: LoadShape, behavior?: WasmAutoscalerSpec["behavior"]): Life {
  const scaler = new OwnScaler(shape.perInstance, firstReplicas(shape), behavior);
  return live({ ...shape, startMs: ownStartMs }, scaler);
}

export function compare(shape: LoadShape): Comparison {
  const hpa = (rules: HpaRules, pipeline: Pipeline, startMs: number) =>
    outcome(
      phases.map((phase) =>
        live({ ...shape, startMs }, new HpaScaler(shape.perInstance, rules, pipeline, phase)),
      ),
    );
  return {
    shape,
    outcomes: {
      HPA: hpa(defaultRules, metricsServer, podStartMs),
      "HPA, fast starts": hpa(defaultRules, metricsServer, ownStartMs),
      "HPA, fast starts, fresh data": hpa(defaultRules, fresh, ownStartMs),
      "HPA, narrow": hpa(narrowRules, metricsServer, podStartMs),
      Wherry: outcome([own(shape)]),
      "Wherry, narrow": outcome([own(shape, narrowBehavior)]),
    },
  };
}

function outcome(lives: readonly Life[]): Outcome {
  const mean = (of: (life: Life) => number) => lives.reduce((sum, life) => sum + of(life), 0) / lives.length;
  const [first, ...others] = lives.toSorted((a, b) => a.overTarget - b.overTarget);
  if (first === undefined) throw new Error("nothing was tried");
  const sorted = [first, ...others];
  return {
    overTarget: mean(({ overTarget }) => overTarget),
    instanceHours: mean(({ instanceHours }) => instanceHours),
    life: sorted[Math.floor(sorted.length / 2)] ?? first,
  };
}
