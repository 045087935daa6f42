/** Upgrades to WebSocket, byte by byte: a real gateway between real sockets of a client and of a server. */
import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import type { Endpoint } from "./control.ts";
import { gatewayLimits } from "./limits.ts";
import {
  handshake,
  sampleKey,
  type ServerConnection,
  SwitchingServer,
  switches,
  switching,
} from "./testing/switching-server.ts";
import { echo, endpointOf, type RawClient, TestGateway, type TestGatewayOptions } from "./testing/test-gateway.ts";

interface World extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly server: SwitchingServer;
  client(): Promise<RawClient>;
}

async function world(
  answer?: (connection: ServerConnection) => void,
  more: { readonly endpoint?: Partial<Endpoint>; readonly rule?: object; readonly options?: TestGatewayOptions } = {},
): Promise<World> {
  const server = new SwitchingServer(answer);
  const reach = { kind: "listener", address: "127.0.0.1", port: await server.listen() } as const;
  const gateway = new TestGateway(more.options).serve(echo, {
    endpoint: { reach, ...more.endpoint },
    ...(more.rule && { rule: more.rule }),
  });
  const port = await gateway.listen();
  return {
    gateway,
    server,
    client: () => gateway.connect(port),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A client and a server that have become one connection. */
async function tunnel(made: World): Promise<{ readonly client: RawClient; readonly server: ServerConnection }> {
  const client = (await made.client()).send(handshake());
  await client.until(/^HTTP\/1\.1 101 [^]*\r\n\r\n/);
  const server = made.server.connections.at(-1);
  if (server === undefined) throw new Error("nobody has reached the server");
  return { client, server };
}

async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

test("Gateway: brings a WebSocket to a server, and bytes both ways from then on", async () => {
  await using made = await world((connection) =>
    connection.send(switching(connection.text, "Sec-WebSocket-Protocol: chat\r\nX-Own: 1\r\nKeep-Alive: 5\r\n")),
  );
  const { client, server } = await tunnel(made);
  expect(server.text).toMatch(/^GET \/chat\?a=b HTTP\/1\.1\r\n/);
  const lines = server.text.toLowerCase().split("\r\n");
  for (const line of [
    "connection: upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    `sec-websocket-key: ${sampleKey.toLowerCase()}`,
    "x-forwarded-for: 127.0.0.1",
  ])
    expect(lines).toContain(line);
  expect(server.text).not.toMatch(/content-length|transfer-encoding/i);
  expect(client.text.toLowerCase()).toContain("\r\nconnection: upgrade\r\nupgrade: websocket\r\n");
  expect(client.text).toMatch(/sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  expect(client.text).toMatch(/sec-websocket-protocol: chat\r\nx-own: 1\r\n/);
  expect(client.text).not.toMatch(/keep-alive|content-length|transfer-encoding/i);
  client.send("\u0081\u0000GET / HTTP/1.1\r\n\r\n");
  await server.until(() => server.text.endsWith("\r\n\r\n\u0081\u0000GET / HTTP/1.1\r\n\r\n"));
  server.send("\u00ff\u0000back");
  await client.until(/\r\n\r\n\u00ff\u0000back$/);
});
