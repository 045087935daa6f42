/** What a schema cannot say about one metric of an autoscaler. */
import { readSchedule } from "../cron-schedule.ts";
import type { AutoscalerMetric, MetricTarget, Quantity } from "../gen/kinds.gen.ts";
import { parseQuantity } from "../quantity.ts";
import { checkTimeZone } from "../time-zone.ts";
import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "./field-error.ts";
import {
  checkHostPort,
  validateHeaders,
  validateSecretKey,
  validateServerUrl,
  validateTls,
} from "./metric-server.ts";
import { validateQuantity } from "./resources.ts";

const fieldOfType = {
  Resource: "resource",
  Requests: "requests",
  Prometheus: "prometheus",
  Redis: "redis",
  Schedule: "schedule",
} as const satisfies Readonly<Record<AutoscalerMetric["type"], keyof AutoscalerMetric>>;

/** `schedules`: those that are not judged again, as JSON. */
export function validateAutoscalerMetric(
  metric: AutoscalerMetric,
  field: string,
  schedules: ReadonlySet<string>,
): readonly FieldError[] {
  const wanted = fieldOfType[metric.type];
  const others = Object.values(fieldOfType).filter((name) => name !== wanted && metric[name] !== undefined);
  return [
    ...(metric[wanted] === undefined
      ? [requiredValue(`${field}.${wanted}`, "must populate information for the given metric source")]
      : []),
    ...others.map((name) => forbiddenValue(`${field}.${name}`, "must populate the given metric source only")),
    ...validateSource(metric, `${field}.${wanted}`, schedules),
  ];
}

function validateSource(
  { type, resource, requests, prometheus, redis, schedule }: AutoscalerMetric,
  field: string,
  schedules: ReadonlySet<string>,
): readonly FieldError[] {
  if (type === "Resource" && resource !== undefined)
    return validateTarget(resource.target, `${field}.target`, ["Utilization", "AverageValue"]);
  if (type === "Requests" && requests !== undefined)
    return validateTarget(requests.target, `${field}.target`, ["AverageValue", "Value"]);
  if (type === "Prometheus" && prometheus !== undefined) return validatePrometheus(prometheus, field);
  if (type === "Redis" && redis !== undefined) return validateRedis(redis, field);
  if (type === "Schedule" && schedule !== undefined && !schedules.has(JSON.stringify(schedule)))
    return validateSchedule(schedule, field);
  return [];
}

type Source<K extends keyof AutoscalerMetric> = NonNullable<AutoscalerMetric[K]>;

function validatePrometheus(source: Source<"prometheus">, field: string): readonly FieldError[] {
  const { serverURL, query, target, activationThreshold, tls, bearerTokenRef, basicAuth, headers } = source;
  return [
    ...validateServerUrl(serverURL, `${field}.serverURL`),
    ...(query.trim() === "" ? [requiredValue(`${field}.query`, "must be a PromQL expression")] : []),
    ...validateTarget(target, `${field}.target`, ["Value", "AverageValue"]),
    ...validateQuantity(activationThreshold, `${field}.activationThreshold`),
    ...validateTls(tls, `${field}.tls`),
    ...validateSecretKey(bearerTokenRef, `${field}.bearerTokenRef`),
    ...validateSecretKey(basicAuth?.passwordRef, `${field}.basicAuth.passwordRef`),
    ...(basicAuth?.username.includes(":") === true
      ? [invalidValue(`${field}.basicAuth.username`, basicAuth.username, "must not contain ':' (RFC 7617)")]
      : []),
    ...(bearerTokenRef !== undefined && basicAuth !== undefined
      ? [forbiddenValue(`${field}.basicAuth`, "may not be set together with bearerTokenRef")]
      : []),
    ...validateHeaders(headers ?? [], `${field}.headers`),
  ];
}

function validateRedis(source: Source<"redis">, field: string): readonly FieldError[] {
  const { address, username, passwordRef, tls, list, stream, target, activationThreshold } = source;
  const addressProblem = checkHostPort(address);
  return [
    ...(addressProblem === undefined ? [] : [invalidValue(`${field}.address`, address, addressProblem)]),
    ...(username !== undefined && passwordRef === undefined
      ? [requiredValue(`${field}.passwordRef`, "must be set when username is")]
      : []),
    ...validateSecretKey(passwordRef, `${field}.passwordRef`),
    ...validateTls(tls, `${field}.tls`),
    ...(list === undefined && stream === undefined
      ? [requiredValue(field, "must specify list or stream")]
      : []),
    ...(list !== undefined && stream !== undefined
      ? [forbiddenValue(`${field}.stream`, "may not be set together with list")]
      : []),
    ...validateTarget(target, `${field}.target`, ["Value", "AverageValue"]),
    ...validateQuantity(activationThreshold, `${field}.activationThreshold`),
  ];
}

function validateSchedule(
  { start, end, timeZone }: Source<"schedule">,
  field: string,
): readonly FieldError[] {
  const zoneProblem = timeZone === undefined ? undefined : checkTimeZone(timeZone);
  const times = [
    { name: "start", text: start },
    { name: "end", text: end },
  ].flatMap(({ name, text }) => {
    const reading = readSchedule(text);
    return reading.kind === "ok" ? [] : [invalidValue(`${field}.${name}`, text, reading.message)];
  });
  return [
    ...times,
    ...(times.length === 0 && words(start) === words(end)
      ? [invalidValue(`${field}.end`, end, "must not be the same as start: there would be no time between")]
      : []),
    ...(zoneProblem === undefined ? [] : [invalidValue(`${field}.timeZone`, timeZone, zoneProblem)]),
  ];
}

function words(schedule: string): string {
  return schedule.trim().replaceAll(/\s+/gu, " ").toUpperCase();
}

const fieldOfTarget = {
  Utilization: "averageUtilization",
  Value: "value",
  AverageValue: "averageValue",
} as const satisfies Readonly<Record<MetricTarget["type"], keyof MetricTarget>>;

function validateTarget(
  target: MetricTarget,
  field: string,
  allowed: readonly MetricTarget["type"][],
): readonly FieldError[] {
  if (!allowed.includes(target.type)) return [unsupportedValue(`${field}.type`, target.type, allowed)];
  const wanted = fieldOfTarget[target.type];
  const others = Object.values(fieldOfTarget).filter((name) => name !== wanted && target[name] !== undefined);
  return [
    ...(target[wanted] === undefined
      ? [requiredValue(`${field}.${wanted}`, `must be set when type is ${target.type}`)]
      : []),
    ...others.map((name) => forbiddenValue(`${field}.${name}`, `may not be set when type is ${target.type}`)),
    ...validatePositive(target.value, `${field}.value`),
    ...validatePositive(target.averageValue, `${field}.averageValue`),
  ];
}

function validatePositive(quantity: Quantity | undefined, field: string): readonly FieldError[] {
  if (quantity === undefined) return [];
  const parsed = parseQuantity(quantity);
  if (parsed.kind === "invalid") return [invalidValue(field, quantity, parsed.message)];
  return parsed.milli > 0n ? [] : [invalidValue(field, quantity, "must be positive")];
}
