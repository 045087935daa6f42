/** A thread with two servers, of which one keeps its connections. Tells their ports. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

const tls = workerData as { readonly cert: Uint8Array; readonly key: Uint8Array } | undefined;

async function listen(connection: "keep-alive" | "close"): Promise<number> {
  const answer: RequestListener = (_, response) => {
    response.setHeader("connection", connection);
    response.end("hello, world\n");
  };
  const server = tls
    ? createSecureServer({ cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) }, answer)
    : createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port to a thread, not a window
parentPort?.postMessage({ kept: await listen("keep-alive"), closed: await listen("close") });
