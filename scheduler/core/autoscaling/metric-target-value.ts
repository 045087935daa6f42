/** What a metric should come to, as numbers in the unit of its readings. */
import type { AutoscalerMetric, MetricTarget, Quantity } from "../../../api/gen/kinds.gen.ts";
import { parseQuantity } from "../../../api/quantity.ts";
import { assertNever } from "../../../kit/errors.ts";

export type TargetValue =
  | { readonly kind: "utilization"; readonly percent: number }
  | { readonly kind: "value"; readonly value: number }
  | { readonly kind: "average"; readonly value: number };

/** undefined: it is not declared as validation asks for. */
export function targetValueOf(metric: AutoscalerMetric): TargetValue | undefined {
  const target = declaredTarget(metric);
  if (target === undefined) return undefined;
  const unit = metric.resource?.name === "cpu" ? 1 : 1_000;
  const read = valueOf(target, unit);
  const number = read?.kind === "utilization" ? read.percent : read?.value;
  return number !== undefined && number > 0 ? read : undefined;
}

/** In whole units. */
export function thresholdOf({ prometheus, redis }: AutoscalerMetric): number {
  return quantityOf(prometheus?.activationThreshold ?? redis?.activationThreshold, 1_000) ?? 0;
}

function declaredTarget({
  type,
  resource,
  requests,
  prometheus,
  redis,
}: AutoscalerMetric): MetricTarget | undefined {
  switch (type) {
    case "Resource":
      return resource?.target;
    case "Requests":
      return requests?.target;
    case "Prometheus":
      return prometheus?.target;
    case "Redis":
      return redis?.target;
    case "Schedule":
      return undefined;
    default:
      return assertNever(type, "type of metric");
  }
}

function valueOf(target: MetricTarget, millisPerUnit: number): TargetValue | undefined {
  switch (target.type) {
    case "Utilization":
      return { kind: "utilization", percent: target.averageUtilization ?? 0 };
    case "Value":
      return { kind: "value", value: quantityOf(target.value, millisPerUnit) ?? 0 };
    case "AverageValue":
      return { kind: "average", value: quantityOf(target.averageValue, millisPerUnit) ?? 0 };
    default:
      return assertNever(target.type, "type of target");
  }
}

function quantityOf(quantity: Quantity | undefined, millisPerUnit: number): number | undefined {
  if (quantity === undefined) return undefined;
  const parsed = parseQuantity(quantity);
  return parsed.kind === "ok" ? Number(parsed.milli) / millisPerUnit : undefined;
}
