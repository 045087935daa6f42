import { expect, test } from "vitest";
import { parseAuthority } from "./authority.ts";

test.each([
  ["a name", "example.com", { host: "example.com", port: undefined }],
  ["a port", "example.com:8080", { host: "example.com", port: 8080 }],
  ["upper case", "EXAMPLE.Com", { host: "example.com", port: undefined }],
  ["a trailing dot", "example.com.:80", { host: "example.com", port: 80 }],
  ["an empty port", "example.com:", { host: "example.com", port: undefined }],
  ["IPv4", "127.0.0.1:1", { host: "127.0.0.1", port: 1 }],
  ["IPv6", "[::1]", { host: "[::1]", port: undefined }],
  ["IPv6 with a port", "[::1]:443", { host: "[::1]", port: 443 }],
  ["an underscore", "a_b.example", { host: "a_b.example", port: undefined }],
])("parseAuthority: takes %s", (_name, text, authority) => {
  expect(parseAuthority(text)).toEqual(authority);
});

test.each([
  ["nothing", ""],
  ["a port alone", ":80"],
  ["user information", "user@example.com"],
  ["a slash", "example.com/a"],
  ["two names", "a.example,b.example"],
  ["a space", "a.example b"],
  ["an empty label", "a..example"],
  ["a leading dot", ".example"],
  ["two dots at the end", "example.."],
  ["port 0", "a:0"],
  ["a port too large", "a:65536"],
  ["a long port", "a:000080"],
  ["a port with a sign", "a:+80"],
  ["IPv6 without brackets", "::1"],
  ["a wildcard", "*.example.com"],
  ["a percent", "%61.example"],
  ["a name too long", `${"a".repeat(63)}.`.repeat(4) + "a.b"],
])("parseAuthority: refuses %s", (_name, text) => {
  expect(parseAuthority(text)).toBeUndefined();
});
