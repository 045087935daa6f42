import { expect, test } from "vitest";
import { metricsAddressOf, parseServingFlags, peerAddressOf, urlsOf } from "./serving-options.ts";

const http = (port: number, portMax = port, host = "127.0.0.1") =>
  ({ kind: "http", host, port, portMax, preferredPort: 0 }) as const;

test("parseServingFlags: without an address there is no gateway", () => {
  expect(parseServingFlags({}, 8)).toMatchObject({ listen: [], debugHeaders: false, accessLog: undefined });
});

test("parseServingFlags: addresses, ranges, and a place for other nodes beside them", () => {
  const { listen } = parseServingFlags(
    { "gateway-http": ["127.0.0.1:8080-8099", "[::1]:0"], "gateway-https": ["127.0.0.1:8443"] },
    1,
  );
  expect(listen).toEqual([
    http(8080, 8099),
    http(0, 0, "::1"),
    { ...http(8443), kind: "https" },
    { ...http(0), kind: "peer" },
  ]);
});

test.each([
  ["one core", 1, 1],
  ["two cores", 2, 1],
  ["four cores", 4, 3],
  ["many cores", 64, 4],
])("parseServingFlags: workers on %s", (_name, cores, workers) => {
  expect(parseServingFlags({}, cores).workers).toBe(workers);
});

test.each([
  ["by default", {}, 1_024],
  ["behind a proxy, from which all come", { "gateway-trust-forwarded": true }, 0],
  ["as said, also there", { "gateway-trust-forwarded": true, "gateway-connections-per-client": "9" }, 9],
  ["without a bound", { "gateway-connections-per-client": "0" }, 0],
])("parseServingFlags: connections of one client: %s", (_name, flags, max) => {
  expect(parseServingFlags(flags, 1).connectionsPerClientMax).toBe(max);
});

test.each([
  ["no port", { "gateway-http": ["127.0.0.1"] }],
  ["a port too high", { "gateway-http": ["127.0.0.1:65536"] }],
  ["a range the wrong way round", { "gateway-http": ["127.0.0.1:9-8"] }],
  ["a range from any port", { "gateway-http": ["127.0.0.1:0-8"] }],
  ["a range without end", { "gateway-http": ["127.0.0.1:1-60000"] }],
  ["an address without brackets", { "gateway-http": ["::1:80"] }],
  ["a name", { "gateway-http": ["localhost:80"] }],
  ["the same address twice", { "gateway-http": ["127.0.0.1:80"], "gateway-https": ["127.0.0.1:80"] }],
  ["any port twice", { "gateway-http": ["127.0.0.1:0", "127.0.0.1:0"] }],
  ["a URL to advertise", { "gateway-advertise": "http://a" }],
  ["a port to advertise", { "gateway-advertise": "a:80" }],
  ["no workers", { "gateway-workers": "0" }],
  ["a thousand workers", { "gateway-workers": "1000" }],
  ["fewer connections than none", { "gateway-connections-per-client": "-1" }],
  ["half a connection", { "gateway-connections-per-client": "1.5" }],
  ["an access log nowhere", { "gateway-access-log": "" }],
])("parseServingFlags: refuses %s", (_name, flags) => {
  expect(() => parseServingFlags(flags, 4)).toThrow(/--gateway-/);
});

test("urlsOf, peerAddressOf: where it is bound, unless something else is advertised", () => {
  const bound = (kind: "http" | "https" | "peer", host: string, port: number) => ({
    kind,
    host,
    wantedPort: 0,
    port,
  });
  const addresses = [
    bound("https", "::1", 8443),
    bound("https", "10.0.0.1", 443),
    bound("http", "127.0.0.1", 8080),
    bound("peer", "127.0.0.1", 9),
  ];
  expect(urlsOf(addresses, { advertise: undefined })).toEqual([
    "http://127.0.0.1:8080",
    "https://[::1]:8443",
    "https://10.0.0.1",
  ]);
  expect(peerAddressOf(addresses, { advertise: undefined })).toBe("127.0.0.1:9");
  expect(peerAddressOf(addresses, { advertise: "2001:db8::1" })).toBe("[2001:db8::1]:9");
  expect(urlsOf(addresses.slice(2), { advertise: "node-a.example" })).toEqual(["http://node-a.example:8080"]);
  expect(peerAddressOf([], { advertise: "a" })).toBe("");
});

test("urlsOf: one that listens everywhere is not reached at 0.0.0.0", () => {
  const addresses = [{ kind: "http", host: "0.0.0.0", wantedPort: 80, port: 8080 }] as const;
  expect(urlsOf(addresses, { advertise: undefined })[0]).not.toContain("0.0.0.0");
});

test.each([
  ["an address", "10.0.0.7", undefined, "10.0.0.7:9465"],
  ["one that others do not reach, whatever is advertised", "127.0.0.1", "node-a.example", "127.0.0.1:9465"],
  ["an address of IPv6", "fd00::7", undefined, "[fd00::7]:9465"],
  ["everywhere", "0.0.0.0", "node-a.example", "node-a.example:9465"],
  ["everywhere, IPv6", "::", "fd00::7", "[fd00::7]:9465"],
  ["a name", "localhost", undefined, "localhost:9465"],
  ["a zone, which nobody else knows", "fe80::1%eth0", undefined, ""],
  ["a name that is none elsewhere", "my_host", undefined, ""],
])("metricsAddressOf: %s", (_name, host, advertise, expected) => {
  expect(metricsAddressOf({ host, port: 9_465 }, { advertise })).toBe(expected);
});

test("metricsAddressOf: everywhere is an address of this machine, where nothing is advertised", () => {
  const address = metricsAddressOf({ host: "0.0.0.0", port: 9_465 }, { advertise: undefined });
  expect(address).toMatch(/^[0-9.]+:9465$/);
  expect(address).not.toContain("0.0.0.0");
});
