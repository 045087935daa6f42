/** Traces, as a collector gets them: from the write of a workload to its guests' first instructions. */
import { join } from "node:path";
import type { PeerCertificate } from "node:tls";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CallEndpoint, CallTicket } from "../../api/call-ticket.ts";
import { type CallResponse, callPath, readResponse, writeRequest } from "../../proto/functions/messages.ts";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { deployment } from "../support/manifests.ts";
import { hostOf, route, served, wagi } from "../support/loaded-handlers.ts";
import { ask } from "../support/requests.ts";
import { OtlpReceiver, type ReceivedSpan } from "../support/otlp-receiver.ts";

const nodes = ["one", "two"];
const name = "traced";
let receiver: OtlpReceiver;
let cluster: TestCluster;

beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  const tracing = ["--otlp-endpoint", receiver.url];
  cluster = await TestCluster.start(nodes, {
    gateways: true,
    hostPaths: [guestFolder()],
    schedulerArgs: tracing,
    nodeArgs: [...tracing, "--otlp-sample-ratio", "0"],
  });
  const tracee = { ...wagi, image: await guestImage("tracee") };
  await cluster.apply([served(tracee, name, 1), route(name)].join("---\n"));
  await cluster.client().settled(name, 1, 1);
  for (const node of nodes) await eventually(async () => expect((await get(node)).status).toBe(200));
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

/** A client that decides by itself whether its request is traced. */
const client = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };
const fromClient = (flags: string) => ({ traceparent: `00-${client.traceId}-${client.spanId}-${flags}` });

const get = (node: string, headers: Readonly<Record<string, string>> = {}) =>
  ask(cluster.url(node), { host: hostOf(name), path: "/some/where?token=secret", headers });

/** The node that has the instance, and the one that sends requests there. */
async function nodesByInstance(of = name): Promise<readonly [there: string, elsewhere: string]> {
  const [instance] = (await cluster.instances()).filter(({ metadata }) => metadata.labels["app"] === of);
  return instance?.spec.nodeName === "one" ? ["one", "two"] : ["two", "one"];
}

/** Each span as the names from the root to it. */
function pathsOf(spans: readonly ReceivedSpan[]): readonly string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const path = (span: ReceivedSpan): string => {
    const parent = byId.get(span.parentSpanId);
    return parent ? `${path(parent)} > ${span.name}` : span.name;
  };
  return spans.map(path).toSorted();
}

test("a write of a workload is one trace, up to the first instruction of its instance on the node", async () => {
  const root = () => receiver.spans.find((span) => span.name === "create WasmDeployment");
  const assign = "create WasmDeployment > reconcile > place > assign";
  const start = `${assign} > start`;
  const expected = [
    "create WasmDeployment",
    "create WasmDeployment > reconcile",
    "create WasmDeployment > reconcile > place",
    assign,
    start,
    ...["fetch", "mount", "prepare", "run"].map((step) => `${start} > ${step}`),
  ];
  await expect.poll(() => pathsOf(receiver.trace(root()?.traceId ?? ""))).toEqual(expected);
  const spans = receiver.trace(root()?.traceId ?? "");
  const of = (wanted: string) => spans.find((span) => span.name === wanted)!;
  expect(root()).toMatchObject({
    parentSpanId: "",
    kind: 2,
    service: "wherry-scheduler",
    attributes: { "wherry.workload.name": name, "wherry.workload.namespace": "default" },
  });
  expect(of("start")).toMatchObject({ service: "wherry-node", status: 0 });
  expect(of("start").instance).toBe(of("assign").attributes["wherry.node.name"]);
  expect(of("start").endNs).toBe(of("run").endNs);
  for (const span of spans) expect(span.endNs).toBeGreaterThanOrEqual(span.startNs);
  const [instance] = await cluster.instances();
  expect(of("start").attributes["wherry.instance.uid"]).toBe(instance?.metadata.uid);
});

test("what is declared says nothing of traces", async () => {
  const stored = await cluster.json<object>("wasmdeployment", name);
  const { traceId } = receiver.spans[0]!;
  expect(JSON.stringify([stored, await cluster.instances()])).not.toContain(traceId);
});

test("a request is one trace, from its client through the gateways of both nodes to the handler", async () => {
  const [there, elsewhere] = await nodesByInstance();
  const { status, body } = await get(elsewhere, fromClient("01"));
  expect(status).toBe(200);
  await expect.poll(() => pathsOf(receiver.trace(client.traceId))).toEqual(["GET", "GET > relay GET"]);
  const [first, second] = receiver.trace(client.traceId).toSorted((a, b) => a.name.localeCompare(b.name));
  expect(first).toMatchObject({
    parentSpanId: client.spanId,
    kind: 2,
    service: "wherry-gateway",
    instance: elsewhere,
    attributes: {
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "url.path": "/some/where",
      "url.scheme": "http",
      "server.address": hostOf(name),
      "wherry.workload.name": name,
      "wherry.node.name": there,
    },
  });
  expect(second).toMatchObject({ service: "wherry-gateway", instance: there });
  expect(body).toBe(`00-${client.traceId}-${second?.spanId}-01`);
  expect(JSON.stringify([first?.attributes, second?.attributes])).not.toContain("secret");
});

test("what its client does not want to be traced goes on as it came", async () => {
  const told = receiver.trace(client.traceId).length;
  for (const node of nodes)
    expect((await get(node, fromClient("00"))).body).toBe(fromClient("00").traceparent);
  // Whatever was told of these comes before this one.
  const [there] = await nodesByInstance();
  await get(there, { traceparent: `00-${"c".repeat(32)}-${client.spanId}-01` });
  await expect.poll(() => receiver.trace("c".repeat(32)).length).toBe(1);
  expect(receiver.trace(client.traceId)).toHaveLength(told);
});

test("of requests whose clients have not decided none is traced with a ratio of 0", async () => {
  expect((await get("one")).body).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
});

async function ticketOf(workload: string): Promise<CallTicket["status"]> {
  await using api = cluster.api();
  const path = `/apis/wherry.dev/v1alpha1/namespaces/default/wasmdeployments/${workload}/calls`;
  return (await api.request<CallTicket>({ method: "POST", path, body: {} })).status;
}

/** As a gRPC client calls it that has a trace. */
async function called(
  { token, caBundle }: CallTicket["status"],
  { address, node }: CallEndpoint,
  traceparent: string,
): Promise<CallResponse> {
  const checkServerIdentity = (_host: string, { subject }: PeerCertificate) =>
    subject.CN === `system:node:${node}` ? undefined : new Error(`this is not ${node}`);
  const secured = credentials.createSsl(Buffer.from(caBundle), null, null, { checkServerIdentity });
  // The name of a certificate's owner is no name of a host.
  const grpc = new Client(address, secured, { "grpc.ssl_target_name_override": "localhost" });
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  metadata.set("traceparent", traceparent);
  const limits = { fuel: 0, memoryBytes: 0, timeoutMs: 0, seed: undefined };
  const request = { id: 1, function: "total", input: Buffer.from("12 250"), ...limits };
  try {
    return await new Promise((resolve, reject) => {
      grpc.makeUnaryRequest(
        callPath,
        (message: typeof request) => Buffer.concat(writeRequest(message)),
        readResponse,
        request,
        metadata,
        (error, response) =>
          response === undefined ? reject(error ?? new Error("none")) : resolve(response),
      );
    });
  } finally {
    grpc.close();
  }
}

test("a call of a function is one trace, from its client through the gateways of both nodes", async () => {
  const image = `file://${join(checkout, "examples/functions/price.wasm")}`;
  const functions = { concurrency: 8 };
  await cluster.apply(
    deployment(1, { name: "price", image, labels: { app: "price" }, template: { functions } }),
  );
  await cluster.client().settled("price", 1, 1);
  const [there, elsewhere] = await nodesByInstance("price");
  const traceId = "d".repeat(32);
  await eventually(async () => {
    const ticket = await ticketOf("price");
    const endpoint = ticket.endpoints.find(({ node }) => node === elsewhere)!;
    const { result } = await called(ticket, endpoint, `00-${traceId}-${client.spanId}-01`);
    expect(result).toEqual({ kind: "output", output: Buffer.from("3000") });
  });
  await expect.poll(() => pathsOf(receiver.trace(traceId))).toContain("CALL > relay CALL");
  const call = { "rpc.system": "grpc", "wherry.function.name": "total", "http.response.status_code": 200 };
  const spans = receiver.trace(traceId);
  const relay = spans.find((span) => span.name === "relay CALL")!;
  expect(relay).toMatchObject({ service: "wherry-gateway", instance: there, attributes: call });
  expect(spans.find(({ spanId }) => spanId === relay.parentSpanId)).toMatchObject({
    name: "CALL",
    parentSpanId: client.spanId,
    instance: elsewhere,
    attributes: { ...call, "wherry.workload.name": "price", "wherry.node.name": there },
  });
  expect(JSON.stringify(spans.map(({ attributes }) => attributes))).not.toContain("12 250");
});
