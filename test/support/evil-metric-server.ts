/** What a metric server may do to whoever asks it. The first part of the path says what. */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface EvilServer extends AsyncDisposable {
  readonly port: number;
  /** How often a path was asked for. */
  readonly asked: ReadonlyMap<string, number>;
}

export const vector = (values: readonly number[]): string =>
  JSON.stringify({
    status: "success",
    data: {
      resultType: "vector",
      result: values.map((value, index) => ({
        metric: { index: `${index}` },
        value: [Date.now() / 1000, `${value}`],
      })),
    },
  });

const json = { "content-type": "application/json" };

/** Made once: it would keep the test's own process from answering. */
const million = vector(Array.from({ length: 1_000_000 }, () => 1));

const ways: Readonly<Record<string, (response: ServerResponse, port: number) => void>> = {
  redirect: (response, port) =>
    void response.writeHead(307, { location: `http://127.0.0.1:${port}/stolen/api/v1/query` }).end(),
  endless: (response) => {
    response.writeHead(200, json);
    const chunk = Buffer.alloc(65_536, " ");
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on("drain", more);
    more();
  },
  dribble: (response) => {
    response.writeHead(200, json);
    const timer = setInterval(() => void response.write(" "), 200);
    response.once("close", () => clearInterval(timer));
  },
  silent: () => {},
  million: (response) => void response.writeHead(200, json).end(million),
  thousands: (response) =>
    void response.writeHead(200, json).end(vector(Array.from({ length: 5_000 }, () => 1))),
  rude: (response) =>
    void response.writeHead(400, json).end(
      JSON.stringify({
        status: "error",
        errorType: "bad_data",
        error: `\u001b[2J\u0007<b>${"x".repeat(5_000)}`,
      }),
    ),
};

export async function startEvilServer(): Promise<EvilServer> {
  const asked = new Map<string, number>();
  const port = () => (server.address() as AddressInfo).port; // It listens on a port, not on a path.
  const server: Server = createServer((request, response) => {
    const [, way = ""] = (request.url ?? "").split("/");
    asked.set(way, (asked.get(way) ?? 0) + 1);
    request.resume();
    const answer = ways[way];
    if (answer) answer(response, port());
    else response.writeHead(200, json).end(vector([1_000]));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: port(),
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
