/** Autoscalers, targets and readings for tests. */
import type { AutoscalerMetric, WasmAutoscaler, WasmAutoscalerSpec } from "../../../../api/gen/kinds.gen.ts";
import { decide } from "../decide.ts";
import type { Decision, DecisionInput } from "../decision.ts";
import { emptyAutoscalerMemory, type AutoscalerMemory } from "../memory.ts";
import { metricsOf } from "../metric-names.ts";
import type { Reading } from "../reading.ts";
import type { ScaleTarget, TargetInstance } from "../target.ts";

/** Of the wall clock at the beginning; the monotonic one begins at another number. */
export const wallMs = Date.UTC(2026, 0, 1);
export const startMs = 10_000_000;

export const cpu = (averageUtilization: number): AutoscalerMetric => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
});

export const inFlight = (averageValue: number | string): AutoscalerMetric => ({
  type: "Requests",
  requests: { metric: "inFlight", target: { type: "AverageValue", averageValue } },
});

export const query = (
  target: { readonly value: number | string } | { readonly averageValue: number | string },
  activationThreshold?: number | string,
): AutoscalerMetric => ({
  type: "Prometheus",
  prometheus: {
    serverURL: "http://prometheus:9090",
    query: "sum(queue)",
    target: { type: "value" in target ? "Value" : "AverageValue", ...target },
    intervalSeconds: 15,
    timeoutSeconds: 5,
    staleAfterSeconds: 60,
    ...(activationThreshold === undefined ? {} : { activationThreshold }),
  },
});

export const list = (averageValue: number | string): AutoscalerMetric => ({
  type: "Redis",
  redis: {
    address: "redis:6379",
    database: 0,
    list: { key: "jobs" },
    target: { type: "AverageValue", averageValue },
    intervalSeconds: 5,
    timeoutSeconds: 5,
  },
});

export const schedule = (replicas: number): AutoscalerMetric => ({
  type: "Schedule",
  schedule: { start: "0 8 * * *", end: "0 18 * * *", replicas },
});

export function autoscaler(
  spec: Partial<WasmAutoscalerSpec> = {},
  status?: WasmAutoscaler["status"],
): WasmAutoscaler {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmAutoscaler",
    metadata: {
      name: "web",
      namespace: "default",
      uid: "a",
      resourceVersion: "1",
      generation: 1,
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: {
      scaleTargetRef: { apiVersion: "wherry.dev/v1alpha1", kind: "WasmDeployment", name: "web" },
      minReplicas: 1,
      maxReplicas: 100,
      idleSeconds: 300,
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

/** Ready for an hour, with one core and 100 bytes requested. */
export function instance(uid: string, fields: Partial<TargetInstance> = {}): TargetInstance {
  return {
    uid,
    phase: "running",
    isReady: true,
    startedMs: startMs - 3_600_000,
    requests: { cpuMillis: 1_000, memoryBytes: 100 },
    isHeardOf: true,
    ...fields,
  };
}

export function instances(count: number, fields: Partial<TargetInstance> = {}): readonly TargetInstance[] {
  return Array.from({ length: count }, (_, at) => instance(`i${at}`, fields));
}

export function value(number: number, fields: Partial<Extract<Reading, { kind: "value" }>> = {}): Reading {
  return { kind: "value", value: number, isAtLeast: false, atMs: wallMs, ...fields };
}

/** By the index of the instance; undefined: nothing is known of it. */
export function use(...samples: readonly (number | undefined)[]): Reading {
  const known = samples.flatMap((sample, at) => (sample === undefined ? [] : [[`i${at}`, sample] as const]));
  return { kind: "perInstance", samples: new Map(known), atMs: wallMs };
}

export const unknown: Reading = { kind: "unknown", reason: "Unreachable", message: "no answer" };

/** An autoscaler whose decisions are carried out, on a clock of its own. Looks only when told to. */
export class AutoscalerLife {
  readonly spec: WasmAutoscalerSpec;
  replicas: number;
  memory: AutoscalerMemory = emptyAutoscalerMemory;
  status: WasmAutoscaler["status"];
  nowMs = startMs;
  wallMs = wallMs;
  /** undefined: as many as there should be. */
  instances: readonly TargetInstance[] | undefined;
  last: Decision | undefined;

  constructor(spec: Partial<WasmAutoscalerSpec>, replicas: number) {
    this.spec = autoscaler(spec).spec;
    this.replicas = replicas;
  }

  get target(): ScaleTarget {
    return {
      specReplicas: this.replicas,
      statusReplicas: this.replicas,
      instances: this.instances ?? instances(this.replicas),
    };
  }

  /** After `seconds`, with these readings, one for each metric and then for each fallback. */
  look(seconds: number, ...readings: readonly Reading[]): number {
    this.nowMs += Math.round(seconds * 1_000);
    this.wallMs += Math.round(seconds * 1_000);
    const metrics = metricsOf(this.spec).length;
    this.#take(
      decide({
        autoscaler: autoscaler(this.spec, this.status),
        target: { kind: "found", target: this.target },
        readings: readings.slice(0, metrics),
        fallbackReadings: readings.slice(metrics),
        memory: this.memory,
        nowMs: this.wallMs,
        monotonicMs: this.nowMs,
      }),
    );
    return this.replicas;
  }

  lookWithoutTarget(seconds: number, target: Exclude<DecisionInput["target"], { kind: "found" }>): void {
    this.nowMs += Math.round(seconds * 1_000);
    this.wallMs += Math.round(seconds * 1_000);
    this.#take(
      decide({
        autoscaler: autoscaler(this.spec, this.status),
        target,
        readings: [],
        fallbackReadings: [],
        memory: this.memory,
        nowMs: this.wallMs,
        monotonicMs: this.nowMs,
      }),
    );
  }

  /** Every `seconds` until `untilSeconds` from now have passed. */
  lookEvery(seconds: number, untilSeconds: number, ...readings: readonly Reading[]): number {
    for (let passed = seconds; passed <= untilSeconds; passed += seconds) this.look(seconds, ...readings);
    return this.replicas;
  }

  condition(type: string): string {
    const found = this.status?.conditions?.find((condition) => condition.type === type);
    return `${found?.status} ${found?.reason}`;
  }

  message(type: string): string {
    return this.status?.conditions?.find((condition) => condition.type === type)?.message ?? "";
  }

  #take(decision: Decision): void {
    this.last = decision;
    this.memory = decision.memory;
    this.status = decision.status;
    this.replicas = decision.replicas ?? this.replicas;
  }
}
