import { once } from "node:events";
import { connect } from "node:tls";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { TestServer } from "../testing/test-server.ts";
import type { AuditEvent } from "./audit-event.ts";

let server: TestServer;
let events: AuditEvent[] = [];

/** Resolves when the log has so many events: they are written after the client has its answer. */
async function written(count: number): Promise<readonly AuditEvent[]> {
  while (events.length < count) await once(sink, "written");
  return events;
}

class Sink extends EventTarget {
  readonly counters = { written: 0, dropped: 0, failures: 0 };

  write(event: AuditEvent): void {
    events.push(event);
    this.dispatchEvent(new Event("written"));
  }
}

const sink = new Sink();

beforeAll(async () => {
  server = await TestServer.start({ audit: sink });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

beforeEach(() => {
  events = [];
});

const configMaps = "/api/v1/namespaces/default/configmaps";

test("RequestAudit: what was done, by whom, and how it ended", async () => {
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "db" },
    stringData: { password: "hunter2" },
  };
  const created = await server.call("POST", "/api/v1/namespaces/default/secrets", { body: secret });
  expect(created.headers["audit-id"]).toMatch(/^[0-9a-f-]{36}$/);
  const missing = await server.call("GET", `${configMaps}/x`, { headers: { "audit-id": "mine" } });
  expect(missing.headers["audit-id"]).toBe("mine");
  const [first, second] = await written(2);
  expect(first).toMatchObject({
    auditID: created.headers["audit-id"],
    stage: "ResponseComplete",
    verb: "create",
    user: { username: "admin", groups: ["system:masters", "system:authenticated"] },
    sourceIPs: ["127.0.0.1"],
    objectRef: { resource: "secrets", namespace: "default", apiVersion: "v1" },
    responseStatus: { metadata: {}, code: 201 },
  });
  expect(second).toMatchObject({
    auditID: "mine",
    verb: "get",
    objectRef: { resource: "configmaps", name: "x" },
    responseStatus: { code: 404, reason: "NotFound", message: 'configmaps "x" not found' },
  });
});

test("RequestAudit: no secret, whatever goes wrong with one", async () => {
  const path = "/api/v1/namespaces/default/secrets?access_token=hunter2";
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "db2" },
    data: { password: "hunter2!" },
  };
  await server.call("POST", path, { body: secret });
  await server.call("POST", path, { body: "hunter2" });
  await server.call("GET", path, { token: "hunter2" });
  await server.call("GET", path, { headers: { authorization: "hunter2" } });
  const text = JSON.stringify(await written(4));
  expect(text).not.toContain("hunter2");
  expect(text).not.toContain("secret-token");
  expect(events.map(({ responseStatus }) => responseStatus)).toMatchObject([
    { code: 400, reason: "BadRequest" },
    { code: 400, reason: "BadRequest" },
    { code: 401, reason: "Unauthorized", message: "Authentication failed, attempted: bearer" },
    { code: 401, message: "Authentication failed, no credentials provided" },
  ]);
});

test("RequestAudit: a watch is written down when it begins and when it ends", async () => {
  const watch = server.watch(`${configMaps}?watch=1&resourceVersion=0`);
  await written(1);
  watch[Symbol.dispose]();
  await written(2);
  expect(events).toMatchObject([
    { stage: "ResponseStarted", verb: "watch", responseStatus: { code: 200 } },
    { stage: "ResponseComplete", verb: "watch", responseStatus: { code: 200 } },
  ]);
  expect(events[0]?.auditID).toBe(events[1]?.auditID);
});

test("RequestAudit: who leaves before the answer, or sends several requests at once, is written down as well", async () => {
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname, port: Number(port), ca: server.ca });
  const request = (name: string) => {
    const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });
    const head = `POST ${configMaps} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret-token`;
    return `${head}\r\nAudit-ID: ${name}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
  await once(socket, "secureConnect");
  socket.resume();
  socket.end(["a", "b", "c"].map(request).join(""));
  const seen = (await written(3)).map(({ auditID, verb }) => `${verb} ${auditID}`);
  expect(seen.toSorted()).toEqual(["create a", "create b", "create c"]);
});

test("RequestAudit: health and the recording of events are left out", async () => {
  await server.call("GET", "/livez", { token: undefined });
  await server.call("GET", "/readyz?verbose");
  await server.call("POST", "/api/v1/namespaces/default/events", { body: {} });
  await server.call("GET", "/version");
  expect(await written(1)).toMatchObject([{ requestURI: "/version", verb: "get" }]);
});
