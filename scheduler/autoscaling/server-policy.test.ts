import { expect, test } from "vitest";
import { addressKind } from "./address-kind.ts";
import {
  type MetricServer,
  parseServerPattern,
  type ServerPattern,
  ServerPolicy,
  serverText,
} from "./server-policy.ts";

function pattern(text: string): ServerPattern {
  const reading = parseServerPattern(text);
  if (reading.kind === "invalid") throw new Error(`${text}: ${reading.message}`);
  return reading.pattern;
}

function policy(...patterns: readonly string[]): ServerPolicy {
  return new ServerPolicy(patterns.map(pattern));
}

function server(text: string): MetricServer {
  const { scheme, host } = /^(?<scheme>\w+):\/\/(?<host>.*)$/.exec(text)?.groups ?? {};
  const [, name = "", port = ""] = /^\[?([^\]]*)\]?:(\d+)$/.exec(host ?? "") ?? [];
  // The tests write no other schemes.
  return { scheme: scheme as MetricServer["scheme"], host: name, port: Number(port) };
}

test.each([
  ["exact", "http://prometheus.monitoring:9090", "http://prometheus.monitoring:9090", true],
  ["another port", "http://prometheus.monitoring:9090", "http://prometheus.monitoring:9091", false],
  ["another scheme", "http://prometheus.monitoring:9090", "https://prometheus.monitoring:9090", false],
  ["a name that only begins alike", "http://prom:80", "http://prom.evil.example:80", false],
  [
    "the scheme's port where none is written",
    "https://prom.example.com",
    "https://prom.example.com:443",
    true,
  ],
  ["no other than the scheme's port", "https://prom.example.com", "https://prom.example.com:8443", false],
  ["any port", "https://prom.example.com:*", "https://prom.example.com:8443", true],
  ["a name below a domain", "https://*.example.com", "https://a.b.example.com:443", true],
  ["the domain itself is not below it", "https://*.example.com", "https://example.com:443", false],
  ["a name that only ends alike", "https://*.example.com", "https://badexample.com:443", false],
  ["any host", "http://*:9090", "http://whoever:9090", true],
  ["every server", "*", "redis://10.0.0.5:6379", true],
  ["Redis with TLS, too", "redis://10.0.0.5:6379", "rediss://10.0.0.5:6379", true],
  ["Redis with TLS only", "rediss://10.0.0.5:6379", "redis://10.0.0.5:6379", false],
  [
    "an IPv6 address, however it is written",
    "http://[2001:db8::0:1]:9090",
    "http://[2001:db8::1]:9090",
    true,
  ],
  ["upper case", "HTTP://Prometheus.Monitoring:9090", "http://prometheus.monitoring:9090", true],
])("ServerPolicy: %s", (_, allowed, asked, expected) => {
  const refusal = policy(allowed).refusal(server(asked));
  expect(refusal).toBe(
    expected
      ? undefined
      : `the scheduler may not ask ${asked}; whoever runs it allows that with --allow-metrics-server ${asked}`,
  );
});

test("ServerPolicy: without a pattern nothing is asked", () => {
  expect(policy().refusal(server("http://localhost:9090"))).toContain(
    "--allow-metrics-server http://localhost:9090",
  );
});

test.each([
  "",
  "prometheus:9090",
  "ftp://x:21",
  "http://",
  "http://a:b",
  "http://a:99999",
  "http://user@host:80",
  "http://host:80/path",
  "http://host?x=1",
  "http://*.*.com",
  "http://a*b.com",
  "https://*.10.0.0.1",
  "http://127.1:80",
  "http://[::ffff:127.0.0.1]:80",
  "**",
])("parseServerPattern: %j is none", (text) => {
  expect(parseServerPattern(text).kind).toBe("invalid");
});

const everywhere = "http://*:*";

test.each([
  ["an ordinary address", "10.1.2.3", everywhere, true],
  ["the machine itself, where any server may be asked", "127.0.0.1", "*", true],
  ["the machine itself by a name below a domain", "127.0.0.1", "http://*.example.com:80", false],
  ["the machine itself by a name that is allowed as it is", "::1", "http://prom.example.com:80", true],
  ["link-local", "169.254.169.254", "*", false],
  ["link-local under the name", "169.254.169.254", "http://prom.example.com:80", false],
  ["link-local, named itself", "169.254.169.254", "http://169.254.169.254:80", true],
  ["link-local, named with another port", "169.254.169.254", "http://169.254.169.254:81", false],
  ["link-local of IPv6", "fe80::1", "*", false],
  ["the end of link-local of IPv6", "febf::1", "*", false],
  ["link-local as IPv4 in IPv6", "::ffff:169.254.169.254", "*", false],
  ["link-local as IPv4 in IPv6, in hexadecimal", "::ffff:a9fe:a9fe", "*", false],
  ["link-local behind NAT64", "64:ff9b::a9fe:a9fe", "*", false],
  ["link-local behind 6to4", "2002:a9fe:a9fe::1", "*", false],
  ["link-local as compatible IPv6", "::a9fe:a9fe", "*", false],
  [
    "the machine itself as IPv4 in IPv6, by a name below a domain",
    "::ffff:7f00:1",
    "http://*.example.com:80",
    false,
  ],
  ["unspecified", "0.0.0.0", "*", false],
  ["of the network that is none", "0.1.2.3", "*", false],
  ["unspecified of IPv6", "::", "*", false],
  ["multicast", "224.0.0.1", "*", false],
  ["multicast of IPv6", "ff02::1", "*", false],
  ["broadcast", "255.255.255.255", "*", false],
  ["where a cloud tells secrets over IPv6", "fd00:ec2::254", "*", false],
  ["where Azure tells a machine about itself", "168.63.129.16", "*", false],
  ["a private address of IPv6", "fd00:ec3::254", "*", true],
])("ServerPolicy.addressRefusal: %s", (_, address, allowed, expected) => {
  const asked = server("http://prom.example.com:80");
  const refusal = policy(allowed).addressRefusal(asked, address);
  if (expected) expect(refusal).toBeUndefined();
  else expect(refusal).toContain(`--allow-metrics-server ${serverText({ ...asked, host: address })}`);
});

test("addressKind: IPv6 of its own is not taken for IPv4 inside of it", () => {
  expect(addressKind("::1")).toBe("loopback");
  expect(addressKind("2001:db8::1")).toBe("ordinary");
  expect(addressKind("::ffff:10.0.0.1")).toBe("ordinary");
});
