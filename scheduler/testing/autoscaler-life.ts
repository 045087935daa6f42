/** Autoscalers on a fake clock, with declared objects in memory and metrics that say what a test wants. */
import type { WasmAutoscalerSpec, WasmAutoscalerStatus } from "../../api/gen/kinds.gen.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { AutoscalerKeeper } from "../autoscaling/autoscaler-keeper.ts";
import type { Decision, DecisionInput } from "../core/autoscaling/decision.ts";
import type { Instance } from "../core/model.ts";
import type { Occurrence } from "../engine/event-recorder.ts";
import { BackendScales } from "./backend-scales.ts";
import { FakeBackend } from "./fake-backend.ts";
import { FakeMetricSource } from "./fake-metric-source.ts";
import { deployment } from "./test-engine.ts";

export const autoscalers = "wasmautoscalers";
export const deployments = "wasmdeployments";

export function autoscaler(
  name: string,
  spec: Partial<WasmAutoscalerSpec> = {},
  created = "2026-01-01T00:00:00Z",
) {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmAutoscaler",
    metadata: { name, namespace: "default", creationTimestamp: created },
    spec: {
      scaleTargetRef: { apiVersion: "wherry.dev/v1alpha1", kind: "WasmDeployment", name: "app" },
      minReplicas: 1,
      maxReplicas: 10,
      idleSeconds: 300,
      metrics: [queueMetric()],
      ...spec,
    },
  };
}

export function queueMetric(key = "queue") {
  return {
    type: "Redis" as const,
    redis: {
      address: "redis:6379",
      database: 0,
      list: { key },
      target: { type: "AverageValue" as const, averageValue: "1" },
      intervalSeconds: 5,
      timeoutSeconds: 5,
    },
  };
}

/** A stand-in for the decision: as many instances as the first metric says, and nothing else of what there is to it. */
export function asMetricSays({
  autoscaler: { metadata, spec, status: before },
  target,
  readings,
  memory,
}: DecisionInput): Decision {
  const [reading] = readings;
  const found = target.kind === "found" ? target.target : undefined;
  const isKnown = reading?.kind === "value";
  const current = found?.specReplicas ?? 0;
  const proposed = isKnown ? Math.min(spec.maxReplicas, Math.max(spec.minReplicas, reading.value)) : current;
  const wanted = isKnown && reading.isAtLeast ? Math.max(current, proposed) : proposed;
  const isOther = found !== undefined && wanted !== current;
  const status: WasmAutoscalerStatus = {
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    currentReplicas: found?.statusReplicas ?? 0,
    desiredReplicas: wanted,
    targets: isKnown ? String(reading.value) : "<unknown>",
    currentMetrics: isKnown ? [{ type: "Redis", sampleTime: new Date(reading.atMs).toISOString() }] : [],
    conditions: [
      {
        type: "ScalingActive",
        status: found ? "True" : "False",
        reason: target.kind === "found" ? "ValidMetricFound" : target.kind,
        message: target.kind === "taken" ? `by ${target.by}` : "",
        lastTransitionTime: before?.conditions?.[0]?.lastTransitionTime ?? "2026-01-01T00:00:00Z",
      },
    ],
    ...(before?.lastScaleTime === undefined ? {} : { lastScaleTime: before.lastScaleTime }),
  };
  return {
    replicas: isOther ? wanted : undefined,
    status,
    unknown: reading?.kind === "unknown" ? [reading.reason] : [],
    isFallback: false,
    why: isOther ? "it says so" : "",
    memory: { ...memory, replicas: wanted },
    memoryIfFailed: { ...memory, replicas: current },
    events: isOther ? [{ type: "Normal", reason: "SuccessfulRescale", message: `New size: ${wanted}` }] : [],
    wakeAtMs: undefined,
  };
}

export async function turn(): Promise<void> {
  for (let count = 0; count < 12; count++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export interface LifeOptions {
  readonly decide?: (input: DecisionInput) => Decision;
  readonly instances?: readonly Instance[];
  readonly wakesOnRequest?: boolean;
}

export async function startKeeper({
  decide = asMetricSays,
  instances = [],
  wakesOnRequest = false,
}: LifeOptions = {}) {
  const backend = new FakeBackend();
  const clock = new FakeClock();
  const scales = new BackendScales(backend);
  const redis = new FakeMetricSource();
  const requests = new FakeMetricSource();
  const events: Occurrence[] = [];
  const inputs: DecisionInput[] = [];
  const nodes = { hasUnknown: false };
  const keeper = new AutoscalerKeeper({
    backend,
    scales,
    sources: { Redis: redis, Requests: requests },
    clock,
    log: silentLog,
    events: { record: (event) => void events.push(event) },
    decide: (input) => {
      inputs.push(input);
      return decide(input);
    },
    cluster: {
      instance: (uid) => instances.find((instance) => instance.uid === uid),
      instances: () => instances,
      instancesOwnedBy: (owner) => instances.filter((instance) => instance.owner.uid === owner),
      node: () => ({ connection: { kind: "connected" } }),
      hasUnknownNodes: () => nodes.hasUnknown,
      wakesOnRequest: () => wakesOnRequest,
    },
  });
  await keeper.start(new AbortController().signal);
  const pass = async (ms: number) => {
    await turn();
    for (let left = ms; left > 0; left -= 250) {
      clock.advance(Math.min(250, left));
      await turn();
    }
  };
  const get = (plural: string, name: string) => backend.get({ group: "wherry.dev", plural }, "default", name);
  return {
    backend,
    clock,
    scales,
    redis,
    requests,
    events,
    inputs,
    nodes,
    keeper,
    pass,
    replicas: () => (get(deployments, "app")?.["spec"] as { replicas?: number } | undefined)?.replicas,
    status: (name = "auto") => (get(autoscalers, name)?.["status"] ?? {}) as WasmAutoscalerStatus,
    value: (value: number, name = "auto", isAtLeast = false) =>
      redis.say(name, { kind: "value", value, isAtLeast, atMs: clock.now() }),
    setReplicas: (replicas: number) => {
      const app = get(deployments, "app") ?? deployment(replicas);
      backend.put(deployments, { ...app, spec: { ...(app["spec"] as object), replicas } });
    },
  };
}
