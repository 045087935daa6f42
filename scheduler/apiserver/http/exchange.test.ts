import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { expect, test } from "vitest";
import { TestServer } from "../testing/test-server.ts";

test.each<{ name: string; headers: Readonly<Record<string, string>>; connection: string }>([
  { name: "short", headers: { "content-length": "5" }, connection: "keep-alive" },
  { name: "long", headers: { "content-length": "1000000" }, connection: "close" },
  { name: "of unknown length", headers: { "transfer-encoding": "chunked" }, connection: "close" },
])(
  "Exchange.fail: a body that is still to come and is $name: $connection",
  async ({ headers, connection }) => {
    await using server = await TestServer.start();
    const options = { ca: server.ca, method: "POST", headers: { authorization: "Bearer wrong", ...headers } };
    const call = request(`${server.url}/api/v1/namespaces/default/configmaps`, options);
    call.on("error", () => {});
    call.flushHeaders();
    const [response] = (await once(call, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(401);
    expect(response.headers.connection).toBe(connection);
    call.destroy();
  },
);
