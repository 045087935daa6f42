import type { RouteRule, WasmRoute } from "../gen/kinds.gen.ts";
import { routeDurationMs } from "../route-duration.ts";
import { routePathFault } from "../route-path.ts";
import { duplicateValue, type FieldError, invalidValue } from "./field-error.ts";
import { hostnamePatternProblem } from "./hostnames.ts";
import { checkSubdomainName } from "./names.ts";
import { headerNameFault, headerValueFault, routeFilterFaults } from "./route-filters.ts";

type Match = NonNullable<RouteRule["matches"]>[number];
type BackendRef = NonNullable<RouteRule["backendRefs"]>[number];

/** What a request may take in all; timers know no more than weeks, and nobody waits for that. */
const timeoutMsMax = 24 * 3_600_000;

export function validateWasmRoute({ spec }: WasmRoute): readonly FieldError[] {
  const { hostnames = [], tls, rules } = spec;
  return [
    ...hostnames.flatMap((name, at) =>
      problemOf(hostnamePatternProblem(name), name, `spec.hostnames[${at}]`),
    ),
    ...(tls ? problemOf(checkSubdomainName(tls.secretName), tls.secretName, "spec.tls.secretName") : []),
    ...rules.flatMap((rule, at) => faultsOfRule(rule, `spec.rules[${at}]`)),
  ];
}

/** What is legal, and is probably not what was meant. */
export function wasmRouteWarnings({ spec }: WasmRoute): readonly string[] {
  return spec.rules.flatMap(({ backendRefs = [], filters = [] }, at) => {
    const field = `spec.rules[${at}].backendRefs`;
    if (filters.some(({ type }) => type === "RequestRedirect")) return [];
    if (backendRefs.length === 0) return [`${field}: there is none, so its requests are answered with 500`];
    return backendRefs.every(({ weight }) => weight === 0)
      ? [`${field}: all have weight 0, so its requests are answered with 500`]
      : [];
  });
}

function faultsOfRule(rule: RouteRule, field: string): readonly FieldError[] {
  const { matches = [], backendRefs = [], timeouts } = rule;
  return [
    ...matches.flatMap((match, at) => faultsOfMatch(match, `${field}.matches[${at}]`)),
    ...routeFilterFaults(rule, field),
    ...faultsOfBackends(backendRefs, `${field}.backendRefs`),
    ...(timeouts ? faultsOfTimeouts(timeouts, `${field}.timeouts`) : []),
  ];
}

function faultsOfMatch({ path, headers = [] }: Match, field: string): readonly FieldError[] {
  const seen = new Set<string>();
  return [
    ...(path ? problemOf(routePathFault(path.value), path.value, `${field}.path.value`) : []),
    ...headers.flatMap(({ name, value }, at) => {
      const place = `${field}.headers[${at}]`;
      const isTwice = seen.has(name.toLowerCase());
      seen.add(name.toLowerCase());
      return [
        ...headerNameFault(name, `${place}.name`),
        ...headerValueFault(value, `${place}.value`),
        ...(isTwice ? [duplicateValue(`${place}.name`, name)] : []),
      ];
    }),
  ];
}

function faultsOfBackends(refs: readonly BackendRef[], field: string): readonly FieldError[] {
  const seen = new Set<string>();
  return refs.flatMap(({ kind, name, revision }, at) => {
    const key = `${kind}/${name}/${revision ?? ""}`;
    const isTwice = seen.has(key);
    seen.add(key);
    return [
      ...problemOf(checkSubdomainName(name), name, `${field}[${at}].name`),
      ...(isTwice ? [duplicateValue(`${field}[${at}]`, { kind, name, revision })] : []),
    ];
  });
}

function faultsOfTimeouts(
  { request, backendRequest }: NonNullable<RouteRule["timeouts"]>,
  field: string,
): readonly FieldError[] {
  const tooLong = (text: string | undefined) => (routeDurationMs(text ?? "0s") ?? 0) > timeoutMsMax;
  const faults: FieldError[] = [];
  if (tooLong(request)) faults.push(invalidValue(`${field}.request`, request, "must not be above 24h"));
  if (tooLong(backendRequest))
    faults.push(invalidValue(`${field}.backendRequest`, backendRequest, "must not be above 24h"));
  const [wholeMs, attemptMs] = [request, backendRequest].map((text) => routeDurationMs(text ?? "0s") ?? 0);
  if (wholeMs !== 0 && (attemptMs ?? 0) > (wholeMs ?? 0))
    faults.push(
      invalidValue(`${field}.backendRequest`, backendRequest, `must not be longer than request (${request})`),
    );
  return faults;
}

function problemOf(problem: string | undefined, value: unknown, field: string): readonly FieldError[] {
  return problem === undefined ? [] : [invalidValue(field, value, problem)];
}
