/** A gateway for tests of the process: it answers each request with what it knows of the path, after the time that the query asks for. */
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { Acceptors } from "./acceptors.ts";
import { runGateway } from "./run.ts";

await runGateway((config, events, log) => {
  const known = new Map<string, string>();
  const sockets = new Set<Socket>();
  let finishing: (() => void) | undefined;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://test");
    const uid = url.searchParams.get("uid") ?? "";
    if (url.pathname === "/wake") events.wake([uid]);
    if (url.pathname === "/drained") events.drained(uid);
    const answer = () => {
      response.setHeader("gateway", config.gatewayId).setHeader("build", config.buildId);
      if (finishing) response.setHeader("connection", "close");
      response.end(known.get(url.pathname) ?? (url.pathname === "/" ? String(process.pid) : "unknown"));
    };
    setTimeout(answer, Number(url.searchParams.get("ms") ?? 0));
  });
  const acceptors = new Acceptors((_kind, socket) => {
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0) finishing?.();
    });
    server.emit("connection", socket);
  }, log);
  return {
    apply(change) {
      if (change.kind === "route") known.set(`/route/${change.route.uid}`, change.route.name);
      if (change.kind === "routeGone") known.delete(`/route/${change.uid}`);
      if (change.kind === "endpoint") known.set(`/endpoint/${change.endpoint.uid}`, change.endpoint.name);
      if (change.kind === "endpointGone") known.delete(`/endpoint/${change.uid}`);
      if (change.kind !== "drain") return;
      known.delete(`/endpoint/${change.uid}`);
      // Of others a request says when.
      if (!change.uid.startsWith("busy")) events.drained(change.uid);
    },
    figures: () => [],
    counts: () => ({
      connections: acceptors.connections,
      accepted: acceptors.accepted,
      connectionsRefused: { perClient: 0, inAll: 0 },
      handshakesFailed: 0,
      refusals: {},
      droppedLogLines: 0,
    }),
    listen: acceptors.listen,
    finish: async (graceMs) => {
      acceptors.close();
      const finished = new Promise<void>((resolve) => (finishing = resolve));
      if (sockets.size === 0) finishing?.();
      const over = setTimeout(() => sockets.forEach((socket) => socket.destroy()), graceMs);
      await finished;
      clearTimeout(over);
    },
  };
}, process.argv.slice(2));
