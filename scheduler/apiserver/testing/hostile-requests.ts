/** Requests that no client in its right mind sends, made from a seed. */
import { isObject, type JsonObject } from "../resource.ts";
import { type Dice, hostileValue, hostileYaml, mutate, mutateText } from "./hostile-values.ts";

/** An object that is there, and where. */
export interface Guard {
  readonly collection: string;
  readonly name: string;
  readonly object: JsonObject;
  /** Beside the object's own URL: `status`, `scale`, `token`. */
  readonly subresources: readonly string[];
  /** What is mostly tried; undefined: everything that objects take. */
  readonly method?: string;
}

export interface HostileRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
}

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "LINK"];
const likelyMethods = ["GET", "POST", "PUT", "PATCH", "PATCH", "PATCH", "DELETE"];

const patchTypes = [
  "application/merge-patch+json",
  "application/json-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];
const types = [
  ...patchTypes,
  "application/json",
  "application/yaml",
  "text/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/json; charset=utf-16",
  "application/cbor",
  "text/plain",
  "multipart/form-data; boundary=x",
  "",
  ";",
  "APPLICATION/JSON",
  "constructor",
  "__proto__",
];
const accepts = [
  "application/json",
  "application/yaml",
  "application/json;as=Table;v=v1;g=meta.k8s.io",
  "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
  "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
  "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
  "application/json;as=Table;v=v9;g=x",
  "application/json;as=__proto__",
  "application/vnd.kubernetes.protobuf",
  "*/*",
  "text/html",
  ";;;,,,",
  "a".repeat(5_000),
];

const queries = [
  "watch=0",
  "limit=-1",
  "limit=1",
  "limit=1e3",
  "limit=99999999999999999999",
  "continue=x",
  "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6OTk5OTk5OSwic3RhcnQiOiIifQ",
  "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiXHUwMDAwIn0",
  "continue=bnVsbA",
  `continue=${Buffer.from("[".repeat(3_000)).toString("base64url")}`,
  "resourceVersion=x",
  "resourceVersion=-1",
  "resourceVersion=1",
  "resourceVersion=99999999999",
  "resourceVersion=1&resourceVersionMatch=Exact",
  "resourceVersionMatch=Exact",
  "resourceVersionMatch=__proto__&resourceVersion=1",
  "sendInitialEvents=true",
  "watch=true&timeoutSeconds=1&sendInitialEvents=maybe",
  "watch=true&timeoutSeconds=1&resourceVersion=99999999",
  "watch=true&timeoutSeconds=1&resourceVersion=1&limit=5&continue=x",
  "watch=true&timeoutSeconds=-5",
  "labelSelector=a%3Db,(",
  "labelSelector=a+in+(",
  "labelSelector=%00",
  "labelSelector=!",
  `labelSelector=${"!a,".repeat(3_000)}b`,
  `labelSelector=x+in+(${"a,".repeat(3_000)})`,
  "fieldSelector=metadata.name%3Dkept",
  "fieldSelector=spec.__proto__%3Dx",
  "fieldSelector=metadata.name",
  "fieldSelector=%5C%5C%5C",
  `fieldSelector=${"metadata.name!=a,".repeat(2_000)}`,
  "includeObject=Everything",
  "dryRun=All",
  "dryRun=Some",
  "dryRun=All&dryRun=None",
  "fieldValidation=Strict",
  "fieldValidation=Lenient",
  "fieldManager=m",
  "fieldManager=%00",
  `fieldManager=${"m".repeat(300)}`,
  "fieldManager=m&force=true",
  "force=perhaps",
  "propagationPolicy=Sideways",
  "propagationPolicy=Foreground",
  "orphanDependents=maybe",
  "gracePeriodSeconds=-1",
  "pretty=true",
  "&&&===",
  "%",
  "%zz=%zz",
  "a=%ED%A0%80",
  "__proto__=x&constructor=y",
];

const extraHeaders: readonly Readonly<Record<string, string>>[] = [
  { "content-encoding": "gzip" },
  { "accept-encoding": "gzip, br;q=x" },
  { "if-none-match": "*" },
  { "if-match": '"x"', range: "bytes=0-1" },
  { "x-http-method-override": "DELETE" },
  { "impersonate-user": "" },
  { "impersonate-group": "system:masters" },
  { "impersonate-user": "eve", "impersonate-extra-%zz": "x" },
  { "impersonate-user": "\u00ff\u00fe" },
  { "user-agent": "\u00ff/".repeat(100) },
  { "audit-id": "x".repeat(500) },
  { "x-forwarded-for": "1.1.1.1,".repeat(500) },
  { expect: "100-continue" },
  { "transfer-encoding": "chunked" },
  { upgrade: "websocket", connection: "Upgrade" },
  { "x-long": "y".repeat(20_000) },
];

const pathMutations: readonly ((path: string, dice: Dice) => string)[] = [
  (path) => `${path}/`,
  (path) => `/${path}`,
  (path) => path.replaceAll("/", "//"),
  (path) => path.replace("/namespaces/", "/namespaces/../namespaces/"),
  (path) => path.replace("/namespaces/", "/%2e%2e/namespaces/"),
  (path) => path.replace("default", "default%2Fconfigmaps%2Fkept"),
  (path) => path.replace("default", "kube-system%00"),
  (path) => path.replace("default", "none"),
  (path) => `${path}%00`,
  (path) => `${path}%2F..%2Fother`,
  (path) => `${path}%`,
  (path) => `${path}%zz`,
  (path) => `${path}%ED%A0%80`,
  (path) => `${path}/status/x/y`,
  (path) => `${path}${"/x".repeat(40)}`,
  (path) => `${path}/${"n".repeat(10_000)}`,
  (path) => path.toUpperCase(),
  (path) => path.replace("v1", "v2"),
  (path) => path.replace(/s$/, ""),
  (path) => path.slice(0, path.length / 2),
  (path) => `${path};jsessionid=1`,
  (path) => `${path}\\..\\`,
  (path, dice) => path.replace(/[^/]+$/, dice.pick(["__proto__", "constructor", "..", ".", "%2e", "*"])),
];

export function hostileRequest(dice: Dice, guard: Guard): HostileRequest {
  const method = dice.oneIn(8) ? dice.pick(methods) : (guard.method ?? dice.pick(likelyMethods));
  const target = targetOf(dice, guard, method);
  const path = dice.oneIn(6) ? dice.pick(pathMutations)(target, dice) : target;
  const query = dice.oneIn(2) ? queryOf(dice) : "";
  const type = typeOf(dice, method);
  const body = dice.oneIn(12) ? undefined : bodyOf(dice, guard, method, type);
  const extra = dice.oneIn(6) ? dice.pick(extraHeaders) : {};
  const sendsBody = !["GET", "HEAD", "OPTIONS", "TRACE"].includes(method) || dice.oneIn(10);
  return {
    method,
    path: query === "" ? path : `${path}?${query}`,
    headers: {
      ...(dice.oneIn(8) ? { accept: dice.pick(accepts) } : {}),
      ...(type === undefined ? {} : { "content-type": type }),
      // What has two lengths is no HTTP, and its answer does not know of HEAD.
      ...(method === "HEAD" && "transfer-encoding" in extra ? {} : extra),
    },
    body: sendsBody ? body : undefined,
  };
}

function targetOf(dice: Dice, guard: Guard, method: string): string {
  const { collection, name, subresources } = guard;
  if (guard.method !== undefined) return collection;
  if (method === "POST" ? !dice.oneIn(6) : dice.oneIn(5)) return collection;
  if (subresources.length > 0 && dice.oneIn(3)) return `${collection}/${name}/${dice.pick(subresources)}`;
  return `${collection}/${name}`;
}

function queryOf(dice: Dice): string {
  const own = dice.oneIn(3)
    ? [`${dice.pick(["labelSelector", "fieldSelector", "continue", "limit", "x"])}=${junk(dice)}`]
    : [];
  return [...own, dice.pick(queries), ...(dice.oneIn(3) ? [dice.pick(queries)] : [])].join("&");
}

function junk(dice: Dice): string {
  const signs = Array.from("abc=!<>(),.\\/ %~\"'{}[]*$^+-_0129\u00e9\u0001");
  const text = Array.from({ length: dice.below(30) }, () => dice.pick(signs)).join("");
  return encodeURIComponent(text);
}

function typeOf(dice: Dice, method: string): string | undefined {
  if (dice.oneIn(5)) return dice.oneIn(6) ? undefined : dice.pick(types);
  return method === "PATCH" ? dice.pick(patchTypes) : "application/json";
}

function bodyOf(dice: Dice, guard: Guard, method: string, type: string | undefined): string | Buffer {
  if (type?.includes("yaml") && dice.oneIn(2)) return dice.pick(hostileYaml);
  if (type?.includes("protobuf") && dice.oneIn(2)) return protobuf(dice);
  const value = valueOf(dice, guard, method, type);
  const text = JSON.stringify(value) ?? "undefined";
  return dice.oneIn(5) ? mutateText(dice, text) : text;
}

function valueOf(dice: Dice, guard: Guard, method: string, type: string | undefined): unknown {
  if (dice.oneIn(12)) return hostileValue(dice);
  if (method === "DELETE") return deleteOptions(dice);
  if (type === "application/json-patch+json") return jsonPatch(dice, guard.object);
  const { metadata } = guard.object;
  const name = method === "POST" ? `n-${dice.below(50)}` : guard.name;
  const object = { ...guard.object, metadata: { ...(isObject(metadata) ? metadata : {}), name } };
  return dice.oneIn(6) ? object : mutate(dice, object);
}

function deleteOptions(dice: Dice): unknown {
  return {
    ...(dice.oneIn(2) ? { kind: dice.pick(["DeleteOptions", "ConfigMap", 1]) } : {}),
    ...(dice.oneIn(2) ? { apiVersion: dice.pick(["v1", "meta.k8s.io/v1", "x", null]) } : {}),
    [dice.pick([
      "dryRun",
      "preconditions",
      "propagationPolicy",
      "orphanDependents",
      "gracePeriodSeconds",
      "ignoreStoreReadErrorWithClusterBreakingPotential",
      "x",
    ])]: dice.oneIn(2)
      ? hostileValue(dice)
      : { uid: hostileValue(dice), resourceVersion: hostileValue(dice) },
  };
}

const pointers = [
  "",
  "/",
  "x",
  "/-",
  "/metadata",
  "/metadata/name",
  "/metadata/labels/a~1b~0",
  "/metadata/__proto__/polluted",
  "/__proto__",
  "/constructor/prototype/polluted",
  "/data/-",
  "/spec/versions/0/schema",
  "/metadata/finalizers/-",
  "/metadata/finalizers/99999999999999999999",
  "/metadata/finalizers/01",
  "/metadata/managedFields/0",
  "/~",
  "/~2",
  `/${"a/".repeat(500)}`,
];

function jsonPatch(dice: Dice, object: JsonObject): unknown {
  const own = Object.keys(object).map((key) => `/${key}`);
  const pointer = () => dice.pick([...pointers, ...own]);
  return Array.from({ length: 1 + dice.below(5) }, () => ({
    op: dice.oneIn(15)
      ? hostileValue(dice)
      : dice.pick(["add", "remove", "replace", "move", "copy", "test", "ADD", "__proto__"]),
    path: dice.oneIn(15) ? hostileValue(dice) : pointer(),
    from: dice.oneIn(15) ? hostileValue(dice) : pointer(),
    value: hostileValue(dice),
  }));
}

function protobuf(dice: Dice): Buffer {
  const bytes = Buffer.from(Array.from({ length: dice.below(100) }, () => dice.below(256)));
  const kind = dice.pick(["SelfSubjectAccessReview", "DeleteOptions", "ConfigMap", "Role", "Event", "X"]);
  const version = dice.pick(["v1", "authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1", ""]);
  const field = (tag: number, value: Buffer) =>
    Buffer.concat([Buffer.from([tag * 8 + 2, value.length]), value]);
  const type = Buffer.concat([field(1, Buffer.from(version)), field(2, Buffer.from(kind))]);
  return Buffer.concat([Buffer.from("k8s\0"), field(1, type), field(2, bytes)]);
}
