import { expect, test } from "vitest";
import { PlainHistogram } from "../../kit/plain-histogram.ts";
import { autoscalerMetrics, autoscalersMax, type ExposedAutoscaler } from "./autoscaler-metrics.ts";
import { collectedRegistry } from "./collected-registry.ts";

function autoscaler(name: string, overrides: Partial<ExposedAutoscaler> = {}): ExposedAutoscaler {
  return {
    namespace: "default",
    name,
    min: 1,
    max: 9,
    current: 2,
    desired: 3,
    unknown: new Map(),
    isFallback: false,
    conditions: [{ type: "ScalingActive", status: "True" }],
    ...overrides,
  };
}

function page(list: readonly ExposedAutoscaler[]): Promise<string> {
  const decisionSeconds = new PlainHistogram([0.001]);
  decisionSeconds.observe(0.0005);
  const figures = { list: () => list, decisionSeconds, rescales: { up: 4, down: 1 }, statusWrites: 7 };
  return collectedRegistry(autoscalerMetrics(() => figures)).metrics();
}

test("autoscalerMetrics: what an autoscaler wants, and what it does not know", async () => {
  const text = await page([
    autoscaler("app"),
    autoscaler("lost", {
      current: undefined,
      desired: undefined,
      isFallback: true,
      unknown: new Map([["Unreachable", 2]]),
      conditions: [{ type: "ScalingActive", status: "False" }],
    }),
  ]);
  for (const line of [
    'wherry_autoscaler_replicas_desired{namespace="default",autoscaler="app"} 3',
    'wherry_autoscaler_replicas_current{namespace="default",autoscaler="app"} 2',
    'wherry_autoscaler_replicas_max{namespace="default",autoscaler="lost"} 9',
    'wherry_autoscaler_metrics_unknown{namespace="default",autoscaler="lost",reason="Unreachable"} 2',
    'wherry_autoscaler_fallback{namespace="default",autoscaler="lost"} 1',
    'wherry_autoscalers_condition{condition="ScalingActive",status="False"} 1',
    "wherry_autoscalers 2",
    'wherry_autoscaler_rescales_total{result="up"} 4',
    "wherry_autoscaler_decision_duration_seconds_count 1",
  ])
    expect(text.split("\n")).toContain(line);
  expect(text).not.toContain('wherry_autoscaler_replicas_desired{namespace="default",autoscaler="lost"}');
});

test("autoscalerMetrics: so many have series of their own, and no more", async () => {
  const list = Array.from({ length: autoscalersMax + 5 }, (_, i) => autoscaler(`a${i}`));
  const lines = (await page(list)).split("\n");
  expect(lines.filter((line) => line.startsWith("wherry_autoscaler_replicas_min{"))).toHaveLength(
    autoscalersMax,
  );
  expect(lines).toContain(`wherry_autoscalers ${autoscalersMax + 5}`);
});

test("autoscalerMetrics: where nothing is scaled the metrics are there, and empty", async () => {
  const text = await collectedRegistry(autoscalerMetrics(() => undefined)).metrics();
  expect(text).toContain("# TYPE wherry_autoscaler_replicas_desired gauge");
  expect(text).toContain("\nwherry_autoscalers 0\n");
});
