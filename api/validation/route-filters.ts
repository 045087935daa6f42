/** What a schema cannot say about the filters of a route's rule. */
import type { HeaderChanges, PathRewrite, RouteRule } from "../gen/kinds.gen.ts";
import { isConnectionHeader, isHeaderName, isHeaderValue } from "../http-headers.ts";
import { routePathFault } from "../route-path.ts";
import {
  duplicateValue,
  type FieldError,
  forbiddenValue,
  invalidValue,
  requiredValue,
} from "./field-error.ts";
import { hostnameProblem } from "./hostnames.ts";

type Filter = NonNullable<RouteRule["filters"]>[number];

const fieldOfType = {
  RequestHeaderModifier: "requestHeaderModifier",
  ResponseHeaderModifier: "responseHeaderModifier",
  RequestRedirect: "requestRedirect",
  URLRewrite: "urlRewrite",
} as const satisfies Readonly<Record<Filter["type"], keyof Filter>>;

export function routeFilterFaults(rule: RouteRule, field: string): readonly FieldError[] {
  const { filters = [], backendRefs = [] } = rule;
  const types = filters.map(({ type }) => type);
  const redirectAt = types.indexOf("RequestRedirect");
  const faults = filters.flatMap((filter, at) => [
    ...(types.indexOf(filter.type) < at ? [duplicateValue(`${field}.filters[${at}].type`, filter.type)] : []),
    ...faultsOfFilter(filter, rule, `${field}.filters[${at}]`),
  ]);
  if (redirectAt < 0) return faults;
  if (backendRefs.length > 0)
    faults.push(
      forbiddenValue(`${field}.backendRefs`, "may not be used with RequestRedirect, which is the answer"),
    );
  if (types.includes("URLRewrite"))
    faults.push(
      forbiddenValue(
        `${field}.filters[${redirectAt}].type`,
        "RequestRedirect may not be used with URLRewrite: no backend gets to see the request",
      ),
    );
  return faults;
}

function faultsOfFilter(filter: Filter, rule: RouteRule, field: string): readonly FieldError[] {
  const wanted = fieldOfType[filter.type];
  const faults: FieldError[] = [];
  for (const name of Object.values(fieldOfType))
    if (name !== wanted && filter[name] !== undefined)
      faults.push(forbiddenValue(`${field}.${name}`, `may not be set when type is ${filter.type}`));
  if (filter[wanted] === undefined)
    return [...faults, requiredValue(`${field}.${wanted}`, `must be set when type is ${filter.type}`)];
  const { requestHeaderModifier, responseHeaderModifier, requestRedirect, urlRewrite } = filter;
  switch (wanted) {
    case "requestHeaderModifier":
      return [...faults, ...faultsOfHeaders(requestHeaderModifier ?? {}, `${field}.${wanted}`)];
    case "responseHeaderModifier":
      return [...faults, ...faultsOfHeaders(responseHeaderModifier ?? {}, `${field}.${wanted}`)];
    case "requestRedirect":
      return [...faults, ...faultsOfTarget(requestRedirect ?? {}, rule, `${field}.${wanted}`)];
    default:
      return [...faults, ...faultsOfTarget(urlRewrite ?? {}, rule, `${field}.${wanted}`)];
  }
}

/** Of a header that a route names to compare or to change. */
export function headerNameFault(name: string, field: string): readonly FieldError[] {
  return isHeaderName(name) ? [] : [invalidValue(field, name, "must be a valid HTTP header name")];
}

export function headerValueFault(value: string, field: string): readonly FieldError[] {
  return isHeaderValue(value) ? [] : [invalidValue(field, value, "must be a valid HTTP header value")];
}

function faultsOfHeaders(
  { set = [], add = [], remove = [] }: HeaderChanges,
  field: string,
): readonly FieldError[] {
  const named = [
    ...set.map(({ name, value }, at) => ({ name, value, at: `${field}.set[${at}]` })),
    ...add.map(({ name, value }, at) => ({ name, value, at: `${field}.add[${at}]` })),
    ...remove.map((name, at) => ({ name, value: "", at: `${field}.remove[${at}]` })),
  ];
  if (named.length === 0) return [requiredValue(field, "must have one of set, add and remove")];
  const seen = new Set<string>();
  return named.flatMap(({ name, value, at }) => {
    const place = at.startsWith(`${field}.remove`) ? at : `${at}.name`;
    const key = name.toLowerCase();
    const isTwice = seen.has(key);
    seen.add(key);
    return [
      ...headerNameFault(name, place),
      ...(isConnectionHeader(name)
        ? [forbiddenValue(place, `"${name}" is about one connection, which the gateway alone knows`)]
        : []),
      ...(key === "host"
        ? [forbiddenValue(place, '"Host" is changed by a filter URLRewrite with hostname')]
        : []),
      ...(isTwice ? [duplicateValue(place, name)] : []),
      ...headerValueFault(value, `${at}.value`),
    ];
  });
}

interface Target {
  readonly scheme?: string;
  readonly hostname?: string;
  readonly port?: number;
  readonly path?: PathRewrite;
}

function faultsOfTarget(target: Target, rule: RouteRule, field: string): readonly FieldError[] {
  const { scheme, hostname, port, path } = target;
  if ([scheme, hostname, port, path].every((part) => part === undefined))
    return [requiredValue(field, "must say what is to be another: it would lead to the same place")];
  const problem = hostname === undefined ? undefined : hostnameProblem(hostname);
  return [
    ...(problem === undefined ? [] : [invalidValue(`${field}.hostname`, hostname, problem)]),
    ...(path ? faultsOfPath(path, rule, `${field}.path`) : []),
  ];
}

function faultsOfPath(path: PathRewrite, { matches = [] }: RouteRule, field: string): readonly FieldError[] {
  const isFull = path.type === "ReplaceFullPath";
  const [wanted, other] = isFull
    ? (["replaceFullPath", "replacePrefixMatch"] as const)
    : (["replacePrefixMatch", "replaceFullPath"] as const);
  const faults: FieldError[] = [];
  if (path[other] !== undefined)
    faults.push(forbiddenValue(`${field}.${other}`, `may not be set when type is ${path.type}`));
  const value = path[wanted];
  if (value === undefined)
    faults.push(requiredValue(`${field}.${wanted}`, `must be set when type is ${path.type}`));
  const problem = value === undefined ? undefined : routePathFault(value);
  if (problem !== undefined) faults.push(invalidValue(`${field}.${wanted}`, value, problem));
  if (!isFull && matches.some((match) => match.path?.type === "Exact"))
    faults.push(
      invalidValue(
        `${field}.type`,
        path.type,
        "may only be used where all matches of the rule have paths of type PathPrefix",
      ),
    );
  return faults;
}
