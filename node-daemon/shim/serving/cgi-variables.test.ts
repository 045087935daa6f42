import { describe, expect, test } from "vitest";
import type { RequestHead } from "../../link/exchange.ts";
import { cgiVariables } from "./cgi-variables.ts";
import { requestHead } from "./fake-exchange.ts";

function variablesOf(head: Partial<RequestHead>, template: readonly (readonly [string, string])[] = []) {
  const given = cgiVariables(requestHead(head), template);
  if (given.kind === "invalid") throw new Error(given.message);
  expect(new Set(given.variables.map(([name]) => name)).size).toBe(given.variables.length);
  return Object.fromEntries(given.variables);
}

test("cgiVariables: all of a request", () => {
  expect(
    variablesOf({
      method: "POST",
      scheme: "https",
      authority: "shop.example.com:8443",
      path: "/shop/items/4%202?sort=name&x=%20",
      matchedPath: "/shop",
      headers: ["content-type", "text/plain", "accept", "a", "accept", "b", "cookie", "c=1", "cookie", "d=2"],
      clientAddress: "192.0.2.7",
      clientPort: 5_000,
      bodyLength: 12,
    }),
  ).toEqual({
    GATEWAY_INTERFACE: "CGI/1.1",
    SERVER_SOFTWARE: "Wherry",
    SERVER_PROTOCOL: "HTTP/1.1",
    SERVER_NAME: "shop.example.com",
    SERVER_PORT: "8443",
    REQUEST_METHOD: "POST",
    REQUEST_SCHEME: "https",
    REQUEST_URI: "/shop/items/4%202?sort=name&x=%20",
    SCRIPT_NAME: "/shop",
    PATH_INFO: "/items/4 2",
    QUERY_STRING: "sort=name&x=%20",
    REMOTE_ADDR: "192.0.2.7",
    REMOTE_HOST: "192.0.2.7",
    REMOTE_PORT: "5000",
    HTTPS: "on",
    CONTENT_TYPE: "text/plain",
    CONTENT_LENGTH: "12",
    HTTP_ACCEPT: "a, b",
    HTTP_COOKIE: "c=1; d=2",
  });
});

describe("cgiVariables: script and path", () => {
  test.each([
    ["all of it matched", "/shop", "/shop", "/shop", ""],
    ["a route for everything", "/a/b", "/", "", "/a/b"],
    ["a matched path with a slash at its end", "/shop/a", "/shop/", "/shop", "/a"],
    ["a name that only begins so", "/shopping", "/shop", "", "/shopping"],
    ["another path, as it was rewritten", "/v2/items", "/shop", "", "/v2/items"],
    ["no UTF-8: as it was written", "/a%ff", "/", "", "/a%ff"],
    ["half an escape: as it was written", "/a%2", "/", "", "/a%2"],
    ["UTF-8", "/caf%C3%A9", "/", "", "/café"],
  ])("%s", (_name, path, matchedPath, script, info) => {
    expect(variablesOf({ path, matchedPath })).toMatchObject({
      SCRIPT_NAME: script,
      PATH_INFO: info,
      QUERY_STRING: "",
    });
  });
});

describe("cgiVariables: server", () => {
  test.each([
    ["http", "example.com", "example.com", "80"],
    ["https", "example.com", "example.com", "443"],
    ["http", "example.com:8080", "example.com", "8080"],
    ["http", "[::1]:8080", "[::1]", "8080"],
    ["http", "[::1]", "[::1]", "80"],
    ["http", "", "", "80"],
  ] as const)("%s %s", (scheme, authority, name, port) => {
    expect(variablesOf({ scheme, authority })).toMatchObject({ SERVER_NAME: name, SERVER_PORT: port });
  });
});

describe("cgiVariables: headers that become no variable", () => {
  test.each([
    ["proxy, which would be HTTP_PROXY", "proxy"],
    ["an underscore, which another name would be taken for", "x_forwarded_for"],
    ["an equals sign", "a=b"],
    ["a dot", "a.b"],
    ["an empty one", ""],
  ])("%s", (_name, header) => {
    const plain = variablesOf({});
    expect(variablesOf({ headers: [header, "x"] })).toEqual(plain);
  });
});

test("cgiVariables: a caller cannot change what the template says", () => {
  const template = [
    ["HTTP_PROXY", "http://proxy.example.com"],
    ["HTTP_X_KEY", "secret"],
    ["LEVEL", "info"],
    ["REQUEST_METHOD", "TEMPLATE"],
  ] as const;
  expect(variablesOf({ headers: ["x-key", "mine", "proxy", "evil"] }, template)).toMatchObject({
    HTTP_PROXY: "http://proxy.example.com",
    HTTP_X_KEY: "secret",
    LEVEL: "info",
    // Of a request: the template cannot know it.
    REQUEST_METHOD: "GET",
  });
});

describe("cgiVariables: what no environment can hold is refused", () => {
  test.each([
    ["a NUL in the path", { path: "/a%00b" }],
    ["a NUL in a header", { headers: ["x-a", "b\0c"] }],
    ["a NUL in the query", { path: "/?a\0" }],
  ])("%s", (_name, head) => {
    expect(cgiVariables(requestHead(head), [])).toMatchObject({ kind: "invalid" });
  });
});

test("cgiVariables: a body of unknown length has no CONTENT_LENGTH, whatever the header says", () => {
  const variables = variablesOf({ headers: ["content-length", "7"], bodyLength: undefined });
  expect(variables).not.toHaveProperty("CONTENT_LENGTH");
  expect(variables).not.toHaveProperty("HTTP_CONTENT_LENGTH");
});
