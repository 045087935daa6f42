import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collectedRegistry } from "../../metrics/collected-registry.ts";
import { engineMetrics } from "../../metrics/engine-metrics.ts";
import type { WasmRoute } from "../../../api/gen/kinds.gen.ts";
import { eventsIn } from "../../testing/test-engine.ts";
import { startRouteCluster } from "../../testing/route-cluster.ts";

let folder: string;
let first: Pair;
let second: Pair;

interface Pair {
  readonly chain: string;
  readonly key: string;
}

/** By openssl, as people make them. */
function makePair(name: string, names = `DNS:${name}`): Pair {
  const [chain, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(" ");
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${names}`];
  execFileSync("openssl", [...options, ...subject, "-keyout", key, "-out", chain], { stdio: "ignore" });
  return { chain: readFileSync(chain, "utf8"), key: readFileSync(key, "utf8") };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-certificates-"));
  first = makePair("first.example");
  second = makePair("second.example");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function secret(data: Readonly<Record<string, string>>, type = "kubernetes.io/tls") {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]);
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s", namespace: "default" },
    type,
    data: Object.fromEntries(encoded) as Record<string, string>,
  };
}

const tls = ({ chain, key }: Pair) => secret({ "tls.crt": chain, "tls.key": key });

async function start() {
  const cluster = await startRouteCluster();
  const a = cluster.gatewayNode("a", ["http://a:80", "https://a:443"]);
  const plain = cluster.node("plain");
  cluster.serve("app", 1);
  cluster.route("web", { hostnames: ["w.example"], tls: { secretName: "s", redirect: true } });
  await cluster.pass(300);
  const conditionOf = (type: string) => {
    const object = cluster.backend.get({ group: "wherry.dev", plural: "wasmroutes" }, "default", "web");
    const { conditions = [] } = (object as unknown as WasmRoute).status ?? {};
    return conditions.find((condition) => condition.type === type);
  };
  return { ...cluster, a, plain, conditionOf };
}

test("Routing: a certificate is told to gateways and to nobody else, followed, and taken back", async () => {
  const { backend, a, plain, routeStatus, pass } = await start();
  expect(routeStatus("web")).toMatchObject({
    ResolvedRefs: "False InvalidCertificateRef",
    url: "https://w.example",
  });
  const stored = backend.put("secrets", tls(first));
  await pass(300);
  expect(routeStatus("web")).toMatchObject({ ResolvedRefs: "True ResolvedRefs" });
  const certificate = a.gateway.certificates.get("default/s");
  expect([String(certificate?.chainPem), String(certificate?.keyPem)]).toEqual([first.chain, first.key]);
  expect(plain.gateway.updates).toEqual([]);
  backend.put("secrets", tls(second));
  await pass(300);
  expect(String(a.gateway.certificates.get("default/s")?.keyPem)).toBe(second.key);
  const updates = a.gateway.updates.length;
  backend.put("secrets", { ...tls(second), metadata: { ...stored.metadata, annotations: { touched: "1" } } });
  await pass(300);
  expect(a.gateway.updates).toHaveLength(updates);
  backend.remove("secrets", stored);
  await pass(300);
  expect(a.gateway.certificates.size).toBe(0);
  expect(routeStatus("web")).toMatchObject({ ResolvedRefs: "False InvalidCertificateRef" });
});

test.each<{ hostnames: readonly string[]; names: string; reason: string }>([
  { hostnames: ["w.example"], names: "DNS:w.example", reason: "Valid" },
  { hostnames: ["W.Example", "v.example"], names: "DNS:w.example,DNS:v.example", reason: "Valid" },
  { hostnames: ["a.w.example", "*.w.example"], names: "DNS:*.w.example", reason: "Valid" },
  { hostnames: ["w.example", "v.example"], names: "DNS:w.example", reason: "HostNotCovered v.example" },
  { hostnames: ["a.b.w.example"], names: "DNS:*.w.example", reason: "HostNotCovered a.b.w.example" },
  { hostnames: ["*.w.example"], names: "DNS:w.example", reason: "HostNotCovered *.w.example" },
  { hostnames: ["common.example"], names: "DNS:w.example", reason: "HostNotCovered common.example" },
  { hostnames: [], names: "DNS:w.example", reason: "Valid" },
])(
  "Routing: of a certificate for $names a route for $hostnames says $reason",
  async ({ hostnames, names, reason }) => {
    const { backend, clock, a, route, pass, conditionOf } = await start();
    clock.advance(Date.now() + 60_000 - clock.now());
    route("web", { hostnames: [...hostnames], tls: { secretName: "s", redirect: true } });
    backend.put("secrets", tls(makePair("common.example", names)));
    await pass(2_000);
    const condition = conditionOf("CertificateValid");
    const [said, host] = reason.split(" ");
    expect(condition?.reason).toBe(said);
    if (host !== undefined) {
      expect(condition?.message).toBe(`the certificate of Secret s is not for ${host}`);
      expect(eventsIn(backend).map((event) => event["reason"])).toContain("HostNotCovered");
    }
    // Nobody has a better one.
    expect(a.gateway.certificates.size).toBe(1);
  },
);

test("Routing: a certificate that comes to its end is told of as time goes by", async () => {
  const { backend, clock, pass, conditionOf } = await start();
  clock.advance(Date.now() + 60_000 - clock.now());
  backend.put("secrets", tls(makePair("w.example")));
  await pass(300);
  const seen = [];
  for (const hours of [0, 41, 8]) {
    clock.advance(hours * 3_600_000);
    await pass(2_000);
    const { status, reason } = conditionOf("CertificateValid") ?? {};
    seen.push(`${status} ${reason}`);
  }
  expect(seen).toEqual(["True Valid", "True ExpiresSoon", "False Expired"]);
  const reasons = eventsIn(backend).map((event) => event["reason"]);
  expect(reasons).toEqual(expect.arrayContaining(["ExpiresSoon", "Expired"]));
});

test("Routing: a Secret that no route names any more is taken back", async () => {
  const { backend, a, route, pass } = await start();
  backend.put("secrets", tls(first));
  await pass(300);
  expect(a.gateway.certificates.size).toBe(1);
  route("web", { hostnames: ["w.example"] });
  await pass(300);
  expect(a.gateway.certificates.size).toBe(0);
});

test("Routing: says when certificates of routes expire, as long as routes name them", async () => {
  const { backend, engine, route, pass } = await start();
  expect([...engine.figures.certificateExpiries()]).toEqual([]);
  backend.put("secrets", tls(first));
  await pass(300);
  const expiresMs = new X509Certificate(first.chain).validToDate.getTime();
  expect([...engine.figures.certificateExpiries()]).toEqual([["default/s", expiresMs]]);
  expect(await collectedRegistry(engineMetrics(engine.figures)).metrics()).toContain(
    `wherry_route_certificate_expiry_timestamp_seconds{namespace="default",secret="s"} ${expiresMs / 1000}\n`,
  );
  route("web", { hostnames: ["w.example"] });
  await pass(300);
  expect([...engine.figures.certificateExpiries()]).toEqual([]);
});

test.each<{ name: string; made: () => ReturnType<typeof secret>; message: RegExp }>([
  {
    name: "of another type",
    made: () => ({ ...tls(first), type: "Opaque" }),
    message: /has type .*Opaque.*, not kubernetes.io\/tls/,
  },
  { name: "without a key", made: () => secret({ "tls.crt": first.chain }), message: /has no tls.key/ },
  {
    name: "with the key of another certificate",
    made: () => secret({ "tls.crt": first.chain, "tls.key": second.key }),
    message: /no certificate and its key/,
  },
  {
    name: "with a text in place of a certificate",
    made: () => secret({ "tls.crt": "hello", "tls.key": first.key }),
    message: /no certificate and its key/,
  },
])("Routing: a Secret $name is of no use, and is sent nowhere", async ({ made, message }) => {
  const { backend, a, routeStatus, pass } = await start();
  backend.put("secrets", made());
  await pass(300);
  expect(routeStatus("web")).toMatchObject({ ResolvedRefs: "False InvalidCertificateRef" });
  expect(a.gateway.certificates.size).toBe(0);
  const object = backend.get({ group: "wherry.dev", plural: "wasmroutes" }, "default", "web");
  expect(JSON.stringify(object?.["status"])).toMatch(message);
});
