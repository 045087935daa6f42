/** `spec.behavior` with everything filled in. The defaults are those of autoscaling/v2. */
import type { ScalingRules as DeclaredRules, WasmAutoscalerSpec } from "../../../api/gen/kinds.gen.ts";
import { parseQuantity } from "../../../api/quantity.ts";

export interface ScalingPolicy {
  readonly kind: "instances" | "percent";
  readonly value: number;
  readonly periodMs: number;
}

export interface ScalingRules {
  readonly windowMs: number;
  readonly select: DeclaredRules["selectPolicy"];
  readonly policies: readonly ScalingPolicy[];
  readonly tolerance: number;
}

export interface ScalingBehavior {
  readonly up: ScalingRules;
  readonly down: ScalingRules;
}

const tolerance = 0.1;
const defaultPeriodMs = 15_000;

const upDefaults: ScalingRules = {
  windowMs: 0,
  select: "Max",
  policies: [
    { kind: "instances", value: 4, periodMs: defaultPeriodMs },
    { kind: "percent", value: 100, periodMs: defaultPeriodMs },
  ],
  tolerance,
};

const downDefaults: ScalingRules = {
  windowMs: 300_000,
  select: "Max",
  policies: [{ kind: "percent", value: 100, periodMs: defaultPeriodMs }],
  tolerance,
};

export function scalingBehavior({ behavior }: WasmAutoscalerSpec): ScalingBehavior {
  return {
    up: filled(behavior?.scaleUp, upDefaults),
    down: filled(behavior?.scaleDown, downDefaults),
  };
}

function filled(declared: DeclaredRules | undefined, defaults: ScalingRules): ScalingRules {
  if (declared === undefined) return defaults;
  const { stabilizationWindowSeconds: window, policies = [] } = declared;
  return {
    windowMs: window === undefined ? defaults.windowMs : window * 1_000,
    select: declared.selectPolicy,
    policies:
      policies.length === 0
        ? defaults.policies
        : policies.map(({ type, value, periodSeconds }) => ({
            kind: type === "Percent" ? "percent" : "instances",
            value,
            periodMs: periodSeconds * 1_000,
          })),
    tolerance: toleranceOf(declared) ?? defaults.tolerance,
  };
}

function toleranceOf({ tolerance }: DeclaredRules): number | undefined {
  if (tolerance === undefined) return undefined;
  const parsed = parseQuantity(tolerance);
  return parsed.kind === "ok" ? Math.max(0, Number(parsed.milli) / 1_000) : undefined;
}
