import { once } from "node:events";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { request } from "node:https";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { TestAuthority } from "../testing/certificates.ts";
import { backendOf, echo, endpointOf, routeOf, TestGateway, workloadOf } from "./testing/test-gateway.ts";

/** One certificate for a.example and b.example, another for c.example; none for d.example. */
async function secured(): Promise<{ readonly gateway: TestGateway; readonly port: number }> {
  const authority = await TestAuthority.make();
  const gateway = new TestGateway();
  gateway.instances.set("/shim", echo);
  gateway.gateway.apply({ kind: "workload", workload: workloadOf("w") });
  gateway.gateway.apply({ kind: "endpoint", endpoint: endpointOf("i", "w") });
  const hosts = { one: ["*.one.example", "one.example"], two: ["two.example"], rest: ["*"] };
  for (const [name, hostnames] of Object.entries(hosts)) {
    const files = await authority.issue(name);
    const certificate = {
      name: `default/${name}`,
      chainPem: files.cert.toString(),
      keyPem: files.key.toString(),
    };
    gateway.gateway.apply({ kind: "certificate", certificate });
    const tls = { certificate: `default/${name}`, redirect: true };
    gateway.gateway.apply({
      kind: "route",
      route: routeOf(name, { hostnames, tls, rule: { backends: [backendOf("w")] } }),
    });
  }
  gateway.gateway.apply({
    kind: "route",
    route: routeOf("plain", { hostnames: ["plain.example"], rule: { backends: [backendOf("w")] } }),
  });
  return { gateway, port: await gateway.listen("https") };
}

async function handshake(
  port: number,
  servername: string | undefined,
  protocols: string[] = [],
): Promise<TLSSocket> {
  const name = servername === undefined ? {} : { servername };
  const socket = connectTls({
    port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    ALPNProtocols: protocols,
    ...name,
  });
  await once(socket, "secureConnect");
  return socket;
}

test.each([
  ["its name", "two.example", "two"],
  ["a wildcard", "a.one.example", "one"],
  ["upper case", "TWO.example", "two"],
  ["a name that nobody has named", "unknown.example", "rest"],
  ["no name", undefined, "rest"],
])("Gateway: shows the certificate for %s", async (_name, servername, expected) => {
  const { gateway, port } = await secured();
  await using _gateway = gateway;
  const socket = await handshake(port, servername);
  expect(socket.getPeerCertificate().subject.CN).toBe(expected);
  socket.destroy();
});

test("Gateway: ends the handshake for a host without a certificate", async () => {
  const { gateway, port } = await secured();
  await using _gateway = gateway;
  await expect(handshake(port, "plain.example")).rejects.toThrow();
  expect(gateway.gateway.counts().handshakesFailed).toBe(1);
});

test("Gateway: answers by HTTP/1.1 and HTTP/2 over TLS, as agreed by ALPN, and says so to the instance", async () => {
  const { gateway, port } = await secured();
  await using _gateway = gateway;
  const { status, text } = await get(port, "two.example", "two.example");
  expect([status, (JSON.parse(text) as { scheme: string }).scheme]).toEqual([200, "https"]);
  const session = connectHttp2(`https://127.0.0.1:${port}`, {
    servername: "two.example",
    rejectUnauthorized: false,
  });
  const stream = session.request({ ":path": "/", ":authority": "two.example" });
  const [answer] = (await once(stream, "response")) as [IncomingHttpHeaders];
  expect(answer[":status"]).toBe(200);
  session.destroy();
});

test.each([
  ["another name of the same routes", "a.one.example", "b.one.example", 200],
  ["another host", "a.one.example", "two.example", 421],
  ["a host of the rest", "two.example", "x", 421],
  ["its name with a port and in another case", "two.example", "TWO.example:8443", 200],
])("Gateway: on a connection for one host, a request for %s", async (_name, servername, host, status) => {
  const { gateway, port } = await secured();
  await using _gateway = gateway;
  expect((await get(port, servername, host)).status).toBe(status);
});

test("Gateway: refuses a request by HTTP/2 for a host that its connection was not made for", async () => {
  const { gateway, port } = await secured();
  await using _gateway = gateway;
  const session = connectHttp2(`https://127.0.0.1:${port}`, {
    servername: "a.one.example",
    rejectUnauthorized: false,
  });
  const status = async (authority: string) => {
    const [answer] = (await once(session.request({ ":path": "/", ":authority": authority }), "response")) as [
      IncomingHttpHeaders,
    ];
    return answer[":status"];
  };
  expect([await status("b.one.example"), await status("two.example")]).toEqual([200, 421]);
  session.destroy();
});

test("Gateway: keeps the old certificate when the new one cannot be used, and forgets it when told", async () => {
  const { gateway, port } = await secured();
  await using _gateway = gateway;
  gateway.gateway.apply({
    kind: "certificate",
    certificate: { name: "default/two", chainPem: "none", keyPem: "none" },
  });
  const socket = await handshake(port, "two.example");
  expect(socket.getPeerCertificate().subject.CN).toBe("two");
  socket.destroy();
  gateway.gateway.apply({ kind: "certificateGone", name: "default/two" });
  await expect(handshake(port, "two.example")).rejects.toThrow();
});

test("Gateway: when it goes, ends connections over TLS as well", async () => {
  const { gateway, port } = await secured();
  await using _gateway = gateway;
  const socket = await handshake(port, "two.example");
  socket.resume();
  const closed = once(socket, "close");
  await gateway.gateway.finish(10_000);
  await closed;
});

function get(
  port: number,
  servername: string,
  host: string,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      port,
      host: "127.0.0.1",
      servername,
      headers: { host },
      rejectUnauthorized: false,
      agent: false as const,
    };
    request(options, (response) => {
      let text = "";
      response.on("data", (bytes: Buffer) => (text += bytes.toString()));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on("error", reject)
      .end();
  });
}
