import type { WasmRoute, WasmRouteStatus } from "../../../api/gen/kinds.gen.ts";
import { assertNever } from "../../../kit/errors.ts";
import { type ConditionVerdict, conditionAfter, sameOr } from "../controllers/conditions.ts";
import type { RouteProblem } from "./compile-route.ts";
import { type CertificateFacts, certificateVerdict } from "./certificate-verdict.ts";
import { wideHostsLabel } from "./wide-hosts.ts";

/** Why gateways are told nothing of a route. */
export type RouteRefusal =
  /** The hostname belongs to another namespace. */
  | { readonly kind: "conflict"; readonly hostname: string; readonly namespace: string }
  /** Its own namespace may not name it. */
  | { readonly kind: "wide"; readonly hostname: string };

export interface RouteFacts {
  /** undefined: the route is accepted. */
  readonly refusal: RouteRefusal | undefined;
  readonly problems: readonly RouteProblem[];
  /** undefined: it names none that can be used. */
  readonly certificate: CertificateFacts | undefined;
  readonly gateways: KnownGateways;
}

/** Whether there is a gateway, and where clients reach one. */
export type KnownGateways =
  /** Not all nodes have reported yet: what was said before stays. */
  | { readonly kind: "unknown" }
  | { readonly kind: "none" }
  | {
      readonly kind: "present";
      /** By plain HTTP, and by HTTPS; undefined: no gateway accepts that. */
      readonly url: string | undefined;
      readonly secureUrl: string | undefined;
    };

/** A text for people; what is beyond helps nobody. */
const messageCharsMax = 1_024;

/** The object's own one, by identity, if nothing changed. */
export function routeStatus(route: WasmRoute, facts: RouteFacts, nowMs: number): WasmRouteStatus {
  const { generation } = route.metadata;
  const before = route.status;
  const said = programmed(route, facts);
  const verdicts = [accepted(route, facts), resolved(facts), ...(said === undefined ? [] : [said])];
  if (facts.certificate !== undefined) verdicts.push(certificateVerdict(facts.certificate, nowMs));
  const url = urlOf(route, facts);
  return sameOr(before, {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(url === undefined ? {} : { url }),
    conditions: verdicts.map((verdict) => conditionAfter(before?.conditions, verdict, generation, nowMs)),
  });
}

function accepted({ metadata }: WasmRoute, { refusal }: RouteFacts): ConditionVerdict {
  const type = "Accepted";
  switch (refusal?.kind) {
    case undefined:
      return { type, status: "True", reason: "Accepted", message: "gateways serve the route" };
    case "conflict": {
      const { hostname, namespace } = refusal;
      const message =
        hostname === "*"
          ? `namespace ${namespace} has a route for all hosts that nobody names; name hostnames`
          : `hostname ${hostname} belongs to namespace ${namespace}, whose route has named it first`;
      return { type, status: "False", reason: "HostConflict", message };
    }
    case "wide": {
      const { hostname } = refusal;
      const what = hostname === "*" ? "all hosts that nobody names" : `hostname ${hostname}`;
      const message =
        `namespace ${metadata.namespace} may not have a route for ${what}: name hosts, or with two labels at least after "*."; ` +
        `an administrator can allow it by the label ${wideHostsLabel}=true on the namespace`;
      return { type, status: "False", reason: "HostNotAllowed", message };
    }
    default:
      return assertNever(refusal, "refusal of a route");
  }
}

function resolved({ problems }: RouteFacts): ConditionVerdict {
  const [first] = problems;
  if (first === undefined)
    return {
      type: "ResolvedRefs",
      status: "True",
      reason: "ResolvedRefs",
      message: "all that it names is there",
    };
  const message = problems.map((one) => one.message).join("; ");
  return {
    type: "ResolvedRefs",
    status: "False",
    reason: first.reason,
    message: message.length <= messageCharsMax ? message : `${message.slice(0, messageCharsMax - 1)}…`,
  };
}

/** As Gateways have it: whether there is anything that answers. */
function programmed(
  { spec, status }: WasmRoute,
  { refusal, gateways }: RouteFacts,
): ConditionVerdict | undefined {
  const type = "Programmed";
  if (refusal !== undefined)
    return { type, status: "False", reason: "NotAccepted", message: "the route is not accepted" };
  switch (gateways.kind) {
    case "unknown":
      return status?.conditions?.find((condition) => condition.type === type);
    case "none": {
      const message = "no node has a gateway: start wherry-node with --gateway-http";
      return { type, status: "False", reason: "NoGateway", message };
    }
    case "present":
      if (spec.tls !== undefined && gateways.secureUrl === undefined) {
        const message =
          "no gateway accepts HTTPS: start wherry-node with --gateway-https, or wherry up with --https-port";
        return { type, status: "False", reason: "NoHttpsGateway", message };
      }
      return { type, status: "True", reason: "Programmed", message: "all gateways are told of the route" };
    default:
      return assertNever(gateways, "gateways");
  }
}

function urlOf(route: WasmRoute, { refusal, gateways }: RouteFacts): string | undefined {
  if (refusal !== undefined || gateways.kind === "none") return undefined;
  if (gateways.kind === "unknown") return route.status?.url;
  const { tls } = route.spec;
  const base = tls === undefined ? (gateways.url ?? gateways.secureUrl) : gateways.secureUrl;
  return base === undefined ? undefined : routeUrl(route, base);
}

/** Where the first hostname that is a whole name answers; the gateway's own host if there is none. */
function routeUrl({ spec }: WasmRoute, base: string): string {
  const hostname = spec.hostnames?.find((name) => !name.startsWith("*"));
  const scheme = base.startsWith("https:") ? "https" : "http";
  const authority = base.slice(`${scheme}://`.length).replace(/\/$/, "");
  const port = /:(\d+)$/.exec(authority)?.[1];
  const isUsual = port === (scheme === "https" ? "443" : "80");
  const host = hostname?.toLowerCase() ?? authority.replace(/:\d+$/, "");
  const path = spec.rules[0]?.matches?.[0]?.path?.value ?? "/";
  return `${scheme}://${host}${port === undefined || isUsual ? "" : `:${port}`}${path === "/" ? "" : path}`;
}
