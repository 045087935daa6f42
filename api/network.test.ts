import { expect, test } from "vitest";
import { isOfMachine, parseAddress, parseEndpoint } from "./network.ts";

test.each([
  ["example.com:443", { host: "example.com", port: 443 }],
  ["API.Example.COM.:80", { host: "api.example.com", port: 80 }],
  ["10.0.0.1:5432", { host: "10.0.0.1", port: 5432 }],
  ["[2001:DB8:0:0::1]:80", { host: "2001:db8::1", port: 80 }],
  ["*:53", { host: "*", port: 53 }],
  ["db:*", { host: "db", port: 0 }],
])("parseEndpoint: %s", (text, endpoint) => {
  expect(parseEndpoint(text)).toEqual(endpoint);
});

test.each([
  "example.com",
  ":80",
  "example.com:0",
  "example.com:65536",
  "example.com:http",
  "exa_mple.com:80",
  "-a.com:80",
  "::1:80",
  "[127.0.0.1]:80",
  "[fe80::1%eth0]:80",
  "[::ffff:127.0.0.1]:80",
  "127.1:80",
  "0x7f000001:80",
  "2130706433:80",
  `${"a".repeat(64)}.com:80`,
])("parseEndpoint: %s is none", (text) => {
  expect(parseEndpoint(text)).toBeUndefined();
});

test.each([
  ["127.0.0.1", "127.0.0.1"],
  ["::", "::"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["::ffff:10.0.0.1", undefined],
  ["fe80::1%lo", undefined],
  ["localhost", undefined],
])("parseAddress: %s", (text, address) => {
  expect(parseAddress(text)).toBe(address);
});

test.each([
  ["127.8.8.8", true],
  ["0.0.0.0", true],
  ["169.254.169.254", true],
  ["::1", true],
  ["fe80::1", true],
  ["10.0.0.1", false],
  ["fd00::1", false],
  ["1.1.1.1", false],
])("isOfMachine: %s is %s", (address, own) => {
  expect(isOfMachine(address)).toBe(own);
});
