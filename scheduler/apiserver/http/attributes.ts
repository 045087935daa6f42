import type { User } from "../authentication/user.ts";
import type { Attributes } from "../authorization/authorizer.ts";
import type { Exchange } from "./exchange.ts";
import type { RequestTarget } from "./request-target.ts";

/** What the request wants to do, in the words of RBAC. https://kubernetes.io/docs/reference/access-authn-authz/authorization/ */
export function attributesOf(exchange: Exchange, user: User, target: RequestTarget): Attributes {
  if (target.kind === "path")
    return { kind: "path", user, verb: exchange.method.toLowerCase(), path: `/${target.parts.join("/")}` };
  const { group, version, plural, namespace, name = "", subresource = "" } = target;
  const verb = verbOf(exchange, name !== "");
  return {
    kind: "resource",
    user,
    verb,
    group,
    version,
    resource: plural,
    subresource,
    namespace,
    // Whoever may read one object by its name may also list and watch just that one.
    name: name === "" && readsMany.has(verb) ? selectedName(exchange) : name,
  };
}

const readsMany = new Set(["list", "watch", "deletecollection"]);

function verbOf(exchange: Exchange, isNamed: boolean): string {
  switch (exchange.method) {
    case "GET":
    case "HEAD":
      if (exchange.flag("watch")) return "watch";
      return isNamed ? "get" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return isNamed ? "delete" : "deletecollection";
    default:
      return exchange.method.toLowerCase();
  }
}

function selectedName(exchange: Exchange): string {
  const terms = (exchange.query.get("fieldSelector") ?? "").split(",");
  const term = terms.map((one) => /^metadata\.name==?([^=!\\]+)$/.exec(one.trim())?.[1]).find(Boolean);
  return term ?? "";
}
