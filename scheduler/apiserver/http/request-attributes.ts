import type { RequestAttributes } from "../audit/audit-event.ts";
import type { Exchange } from "./exchange.ts";
import type { RequestTarget } from "./request-target.ts";

/** What a request asks for, in the words of RBAC and of the audit log. As Kubernetes' RequestInfo. */
export function requestAttributes(
  exchange: Pick<Exchange, "method" | "path" | "query" | "flag">,
  target: RequestTarget,
): RequestAttributes {
  const { method, path, query } = exchange;
  if (target.kind === "path") return { kind: "path", verb: method.toLowerCase(), path };
  const { group, version, plural, name = "", subresource = "" } = target;
  const verb = verbOf(exchange, name);
  return {
    kind: "resource",
    verb,
    group,
    version,
    resource: plural,
    // Beyond the first part, a subresource is a path of its own: what `proxy` has.
    subresource: subresource.split("/", 1)[0] ?? "",
    // A namespace is in itself.
    namespace: group === "" && plural === "namespaces" ? name : target.namespace,
    // A list that can have no more than one is asked for by that one's name.
    name: name === "" && (verb === "list" || verb === "watch") ? selectedName(query) : name,
  };
}

/** Whether the request stays open until its client has had enough. */
export function isLongRunning(attributes: RequestAttributes): boolean {
  return attributes.verb === "watch" || (attributes.kind === "resource" && attributes.subresource === "log");
}

const verbs: ReadonlyMap<string, string> = new Map([
  ["GET", "get"],
  ["HEAD", "get"],
  ["POST", "create"],
  ["PUT", "update"],
  ["PATCH", "patch"],
  ["DELETE", "delete"],
]);

function verbOf(exchange: Pick<Exchange, "method" | "flag">, name: string): string {
  const verb = verbs.get(exchange.method) ?? "";
  if (name !== "") return verb;
  if (verb === "delete") return "deletecollection";
  if (verb !== "get") return verb;
  return exchange.flag("watch") ? "watch" : "list";
}

const nameRequirement = /^metadata\.name==?([^=!]+)$/;

/** Never a name that the selector does not narrow the answer down to: it may be all that the client is allowed to read. */
function selectedName(query: URLSearchParams): string {
  const selector = query.get("fieldSelector") ?? "";
  // An escaped comma is none.
  if (selector.includes("\\")) return "";
  for (const requirement of selector.split(",")) {
    const name = nameRequirement.exec(requirement)?.[1];
    if (name !== undefined && !/^\.\.?$|[/%]/.test(name)) return name;
  }
  return "";
}
