/** A gateway for tests of the process: it answers each request with what it knows of the path, after the time that the query asks for. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { runGateway } from "./run.ts";

await runGateway((config, events) => {
  const known = new Map<string, string>();
  const servers: Server[] = [];
  let finishing = false;
  return {
    apply(change) {
      if (change.kind === "route") known.set(`/route/${change.route.uid}`, change.route.name);
      if (change.kind === "routeGone") known.delete(`/route/${change.uid}`);
      if (change.kind === "endpoint") known.set(`/endpoint/${change.endpoint.uid}`, change.endpoint.name);
      if (change.kind === "endpointGone") known.delete(`/endpoint/${change.uid}`);
      if (change.kind === "drain") {
        known.delete(`/endpoint/${change.uid}`);
        events.drained(change.uid);
      }
    },
    listen: (_kind, at) =>
      new Promise((resolve, reject) => {
        const server = createServer((request, response) => {
          const url = new URL(request.url ?? "/", "http://test");
          if (url.pathname === "/wake") events.wake([url.searchParams.get("uid") ?? ""]);
          setTimeout(
            () => {
              response.setHeader("gateway", config.gatewayId).setHeader("build", config.buildId);
              if (finishing) response.setHeader("connection", "close");
              response.end(
                known.get(url.pathname) ?? (url.pathname === "/" ? String(process.pid) : "unknown"),
              );
            },
            Number(url.searchParams.get("ms") ?? 0),
          );
        });
        server.once("error", reject);
        server.listen(at.kind === "descriptor" ? { fd: at.fd } : { host: at.host, port: at.port }, () => {
          servers.push(server);
          // Node has no other name for it.
          const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
          resolve({ port: (server.address() as AddressInfo).port, fd });
        });
      }),
    finish: async (graceMs) => {
      finishing = true;
      const closed = servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeIdleConnections();
          }),
      );
      const over = setTimeout(() => servers.forEach((server) => server.closeAllConnections()), graceMs);
      await Promise.all(closed);
      clearTimeout(over);
    },
    figures: () => [],
  };
}, process.argv.slice(2));
