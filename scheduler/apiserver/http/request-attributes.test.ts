import { expect, test } from "vitest";
import { requestAttributes } from "./request-attributes.ts";
import { parseTarget } from "./request-target.ts";

function attributesOf(method: string, url: string) {
  const { pathname: path, searchParams: query } = new URL(url, "https://x");
  // As Exchange has it.
  const flag = (name: string) => query.has(name) && !["false", "0"].includes(query.get(name) ?? "");
  return requestAttributes({ method, path, query, flag }, parseTarget(path));
}

const base = {
  kind: "resource",
  group: "",
  version: "v1",
  resource: "secrets",
  subresource: "",
  namespace: "ns",
  name: "",
};
const secrets = "/api/v1/namespaces/ns/secrets";

test.each([
  { method: "GET", url: secrets, expected: { ...base, verb: "list" } },
  { method: "HEAD", url: `${secrets}/a`, expected: { ...base, verb: "get", name: "a" } },
  { method: "GET", url: `${secrets}?watch=true`, expected: { ...base, verb: "watch" } },
  { method: "GET", url: `${secrets}?watch=0`, expected: { ...base, verb: "list" } },
  { method: "POST", url: secrets, expected: { ...base, verb: "create" } },
  { method: "PUT", url: `${secrets}/a`, expected: { ...base, verb: "update", name: "a" } },
  { method: "PATCH", url: `${secrets}/a`, expected: { ...base, verb: "patch", name: "a" } },
  { method: "DELETE", url: `${secrets}/a`, expected: { ...base, verb: "delete", name: "a" } },
  { method: "DELETE", url: secrets, expected: { ...base, verb: "deletecollection" } },
  { method: "OPTIONS", url: secrets, expected: { ...base, verb: "" } },
  { method: "GET", url: "/api/v1/secrets", expected: { ...base, verb: "list", namespace: "" } },
  {
    method: "GET",
    url: "/apis/apps/v1/namespaces/ns/deployments/a/scale",
    expected: {
      ...base,
      verb: "get",
      group: "apps",
      resource: "deployments",
      name: "a",
      subresource: "scale",
    },
  },
  {
    method: "GET",
    url: "/api/v1/namespaces/ns",
    expected: { ...base, verb: "get", resource: "namespaces", name: "ns" },
  },
  { method: "GET", url: "/apis/apps", expected: { kind: "path", verb: "get", path: "/apis/apps" } },
  { method: "POST", url: "/version", expected: { kind: "path", verb: "post", path: "/version" } },
])("requestAttributes: $method $url", ({ method, url, expected }) => {
  expect(attributesOf(method, url)).toEqual(expected);
});

test.each([
  { selector: "metadata.name=a", name: "a" },
  { selector: "metadata.name==a,type=Opaque", name: "a" },
  { selector: "type=Opaque,metadata.name=a", name: "a" },
  { selector: "metadata.name!=a", name: "" },
  { selector: "metadata.name=", name: "" },
  { selector: "metadata.name=a/b", name: "" },
  { selector: "type!=x\\,metadata.name=a", name: "" },
  { selector: "xmetadata.name=a", name: "" },
])("requestAttributes: a list with $selector is for $name", ({ selector, name }) => {
  const query = `?fieldSelector=${encodeURIComponent(selector)}`;
  expect(attributesOf("GET", secrets + query)).toMatchObject({ verb: "list", name });
  expect(attributesOf("GET", `${secrets}${query}&watch=1`)).toMatchObject({ verb: "watch", name });
  expect(attributesOf("DELETE", secrets + query)).toMatchObject({ verb: "deletecollection", name: "" });
});
