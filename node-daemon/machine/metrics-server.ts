import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { errorMessage, WherryError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { metricsLimits } from "./core/limits.ts";
import type { MetricsPage } from "./metrics.ts";

export interface MetricsServer extends AsyncDisposable {
  readonly port: number;
}

/** `GET /metrics`, for whoever can reach the address. */
export async function serveMetrics(
  address: { readonly host: string; readonly port: number },
  page: MetricsPage,
  log: Log,
): Promise<MetricsServer> {
  let text: Promise<string> | undefined;
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method !== "GET" || request.url?.split("?")[0] !== "/metrics") {
      response.writeHead(404).end("there is GET /metrics\n");
      return;
    }
    // All who ask at the same time get the same.
    text ??= page.metrics().finally(() => (text = undefined));
    const whole = await text;
    response.writeHead(200, { "content-type": page.contentType }).end(whole);
  };
  const { headersMs: headersTimeout, requestMs: requestTimeout, idleMs: keepAliveTimeout } = metricsLimits;
  const server = createServer({ headersTimeout, requestTimeout, keepAliveTimeout }, (request, response) => {
    answer(request, response).catch((thrown: unknown) => {
      log.error("metrics could not be made", { err: errorMessage(thrown) });
      response.destroy();
    });
  });
  server.maxConnections = metricsLimits.connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const message = `serve metrics on ${address.host}:${address.port}: ${error.message}; choose another --metrics-address`;
      reject(new WherryError("AddressUnavailable", message, { cause: error }));
    });
    server.listen(address.port, address.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  log.info("serving metrics", { host: address.host, port });
  return {
    port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
