import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { beforeAll, expect, test } from "vitest";
import { ticketFor } from "./testing/fake-gateways.ts";
import { certificateOf } from "./testing/certificate.ts";
import { type ApiServerAccess, ticketsFrom } from "./tickets.ts";

let tls: { readonly cert: string; readonly key: string };
beforeAll(async () => {
  tls = await certificateOf("localhost");
});

/** An API server that answers as it is told. */
async function apiServer(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(tls, answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;
  const access: ApiServerAccess = { server: url, ca: tls.cert, token: "secret" };
  return {
    access,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const price = { namespace: "default", plural: "wasmdeployments", name: "price" };
const never = new AbortController().signal;

test("ticketsFrom: asks for the subresource of the workload, and answers with the ticket", async () => {
  const status = ticketFor(["a:1"], 0);
  const asked: unknown[] = [];
  await using server = await apiServer(({ method, url, headers }, response) => {
    asked.push([method, url, headers.authorization]);
    response.writeHead(201).end(JSON.stringify({ kind: "CallTicket", status }));
  });
  expect(await ticketsFrom(server.access)(price, never)).toEqual(status);
  const path = "/apis/wherry.dev/v1alpha1/namespaces/default/wasmdeployments/price/calls";
  expect(asked).toEqual([["POST", path, "Bearer secret"]]);
});

test.each([
  {
    name: "no right",
    status: 403,
    body: '{"message":"you may not"}',
    reason: "Refused",
    text: "you may not",
  },
  { name: "no workload", status: 404, body: '{"message":"none"}', reason: "Refused", text: "none" },
  { name: "too many requests", status: 429, body: "{}", reason: "NoTicket", text: "429" },
  { name: "no leader", status: 503, body: "<html>", reason: "NoTicket", text: "without JSON" },
  { name: "something else", status: 201, body: '{"status":{}}', reason: "NoTicket", text: "no ticket" },
  { name: "too much", status: 201, body: "x".repeat(2_000_000), reason: "NoTicket", text: "too long" },
])("ticketsFrom: rejects where there is $name", async ({ status, body, reason, text }) => {
  await using server = await apiServer((_request, response) => void response.writeHead(status).end(body));
  await expect(ticketsFrom(server.access)(price, never)).rejects.toMatchObject({
    reason,
    notBegun: true,
    message: expect.stringContaining(text),
  });
});

test("ticketsFrom: lets go of an API server that does not end its answer", async () => {
  const asked = Promise.withResolvers<ServerResponse>();
  await using server = await apiServer((_request, response) => {
    response.writeHead(201).write("{");
    asked.resolve(response);
  });
  const controller = new AbortController();
  const outcome = ticketsFrom(server.access)(price, controller.signal).catch((thrown: unknown) => thrown);
  const response = await asked.promise;
  const closed = once(response, "close");
  controller.abort();
  expect(await outcome).toMatchObject({ reason: "NoTicket" });
  await closed;
});
