/** A WasmRoute as gateways use it. Validation has accepted the route; what it refers to may be missing. */
import type { HeaderChanges, PathRewrite, RouteRule, WasmRoute } from "../../../api/gen/kinds.gen.ts";
import { routeDurationMs } from "../../../api/route-duration.ts";
import { normalRoutePath } from "../../../api/route-path.ts";
import type {
  BackendEntry,
  HeaderChange,
  PathChange,
  RequestMatch,
  RouteEntry,
  RuleEntry,
} from "../../../api/route-table.ts";

type Filter = NonNullable<RouteRule["filters"]>[number];
type Match = NonNullable<RouteRule["matches"]>[number];
export type BackendRef = NonNullable<RouteRule["backendRefs"]>[number];

export interface RouteLookups {
  /** The uid of a workload of the route's namespace. */
  readonly workload: (kind: BackendRef["kind"], name: string) => string | undefined;
  /** Of a revision; undefined: it is not kept. */
  readonly templateHash: (workloadUid: string, revision: number) => string | undefined;
  /** Why a backend that exists answers nothing; undefined: it can. */
  readonly cannotServe: (workloadUid: string, templateHash: string | undefined) => string | undefined;
  /** Why the Secret is no certificate that can be used. */
  readonly certificateFault: (secretName: string) => string | undefined;
}

/** Reasons as the Gateway API has them. */
export interface RouteProblem {
  readonly reason: "BackendNotFound" | "UnsupportedProtocol" | "InvalidCertificateRef";
  readonly message: string;
}

export interface CompiledRoute {
  readonly entry: RouteEntry;
  /** What of it cannot be resolved, each thing once. */
  readonly problems: readonly RouteProblem[];
  /** Uids of the workloads that it names. */
  readonly workloads: ReadonlySet<string>;
}

const retryDefault = { attempts: 2, codes: [] } as const;

export function compileRoute(route: WasmRoute, lookups: RouteLookups): CompiledRoute {
  const { metadata, spec } = route;
  const namespace = metadata.namespace ?? "";
  const problems = new Map<string, RouteProblem>();
  const workloads = new Set<string>();
  const tls = spec.tls && {
    certificate: `${namespace}/${spec.tls.secretName}`,
    redirect: spec.tls.redirect,
  };
  const fault = spec.tls && lookups.certificateFault(spec.tls.secretName);
  if (fault !== undefined) problems.set(fault, { reason: "InvalidCertificateRef", message: fault });
  const backendOf = (ref: BackendRef): BackendEntry => {
    const { entry, problem } = compileBackend(ref, lookups);
    if (problem !== undefined) problems.set(problem.message, problem);
    if (entry.workload !== undefined) workloads.add(entry.workload);
    return entry;
  };
  const entry: RouteEntry = {
    uid: metadata.uid,
    namespace,
    name: metadata.name,
    createdMs: Date.parse(metadata.creationTimestamp),
    hostnames: hostnamesOf(route),
    // Also without a certificate that can be used: what is to be secret is not to be answered in the clear for want of one.
    ...(tls ? { tls } : {}),
    rules: spec.rules.map((rule) => compileRule(rule, backendOf)),
  };
  return { entry, problems: [...problems.values()], workloads };
}

/** In lower case; `*` where the route names none. */
export function hostnamesOf({ spec }: Pick<WasmRoute, "spec">): readonly string[] {
  const { hostnames = [] } = spec;
  return hostnames.length === 0 ? ["*"] : [...new Set(hostnames.map((name) => name.toLowerCase()))];
}

function compileBackend(
  { kind, name, revision, weight }: BackendRef,
  { workload, templateHash, cannotServe }: RouteLookups,
): { readonly entry: BackendEntry; readonly problem?: RouteProblem } {
  const uid = workload(kind, name);
  if (uid === undefined) {
    const problem = { reason: "BackendNotFound", message: `${kind} ${name} does not exist` } as const;
    return { entry: { workload: undefined, name, weight }, problem };
  }
  const hash = revision === undefined ? undefined : templateHash(uid, revision);
  if (revision !== undefined && hash === undefined) {
    const message = `${kind} ${name} has no revision ${revision}`;
    return { entry: { workload: undefined, name, weight }, problem: { reason: "BackendNotFound", message } };
  }
  const entry = { workload: uid, name, ...(hash === undefined ? {} : { templateHash: hash }), weight };
  const why = cannotServe(uid, hash);
  if (why === undefined) return { entry };
  // Instances of another template of it may answer, and those that are on their way.
  return { entry, problem: { reason: "UnsupportedProtocol", message: `${kind} ${name} ${why}` } };
}

function compileRule(rule: RouteRule, backendOf: (ref: BackendRef) => BackendEntry): RuleEntry {
  const filter = (type: Filter["type"]) => rule.filters?.find((one) => one.type === type);
  const requestHeaders = filter("RequestHeaderModifier")?.requestHeaderModifier;
  const responseHeaders = filter("ResponseHeaderModifier")?.responseHeaderModifier;
  const redirect = filter("RequestRedirect")?.requestRedirect;
  const rewrite = filter("URLRewrite")?.urlRewrite;
  const { attempts, codes = [] } = rule.retry ?? retryDefault;
  return {
    matches: (rule.matches?.length ? rule.matches : [{}]).map(compileMatch),
    ...(requestHeaders ? { requestHeaders: headerChange(requestHeaders) } : {}),
    ...(responseHeaders ? { responseHeaders: headerChange(responseHeaders) } : {}),
    ...(rewrite ? { rewrite: { ...hostOf(rewrite.hostname), ...pathOf(rewrite.path) } } : {}),
    ...(redirect
      ? {
          redirect: {
            ...(redirect.scheme ? { scheme: redirect.scheme } : {}),
            ...hostOf(redirect.hostname),
            ...(redirect.port === undefined ? {} : { port: redirect.port }),
            ...pathOf(redirect.path),
            status: redirect.statusCode,
          },
        }
      : {}),
    backends: (rule.backendRefs ?? []).map(backendOf),
    requestTimeoutMs: timeoutMs(rule.timeouts?.request),
    attemptTimeoutMs: timeoutMs(rule.timeouts?.backendRequest),
    retry: { attempts, codes },
  };
}

function timeoutMs(text: string | undefined): number {
  return text === undefined ? 0 : (routeDurationMs(text) ?? 0);
}

function compileMatch({ path, method, headers = [] }: Match): RequestMatch {
  const isExact = path?.type === "Exact";
  const value = normalRoutePath(path?.value ?? "/");
  return {
    path: isExact ? { kind: "exact", value } : { kind: "prefix", value: value.replace(/\/+$/, "") || "/" },
    ...(method ? { method } : {}),
    headers: headers.map(({ name, value: wanted }) => [name.toLowerCase(), wanted]),
  };
}

function headerChange({ set = [], add = [], remove = [] }: HeaderChanges): HeaderChange {
  const pairs = (list: typeof set) => list.map(({ name, value }) => [name.toLowerCase(), value] as const);
  return { set: pairs(set), add: pairs(add), remove: remove.map((name) => name.toLowerCase()) };
}

function hostOf(hostname: string | undefined): { readonly hostname?: string } {
  return hostname === undefined ? {} : { hostname: hostname.toLowerCase() };
}

function pathOf(path: PathRewrite | undefined): { readonly path?: PathChange } {
  if (path === undefined) return {};
  return path.type === "ReplaceFullPath"
    ? { path: { kind: "full", value: path.replaceFullPath ?? "/" } }
    : { path: { kind: "prefix", value: path.replacePrefixMatch ?? "/" } };
}
