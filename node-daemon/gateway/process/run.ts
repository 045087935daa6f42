/** Runs a gateway in its folder: `node main.js FOLDER [INHERITED]`. Everything else it is told over its control socket. */
import { readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../kit/clock.ts";
import { errorCode } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import { openOwnLog } from "../../shim/own-log.ts";
import { processStartTicks } from "../../shim/process-identity.ts";
import { configName, type GatewayConfig, type InheritedSocket, processName, socketName } from "../control.ts";
import { GatewayProcess, type RequestServer, type RequestServerEvents } from "./gateway-process.ts";
import { processLimits } from "./limits.ts";
import { startGateway } from "./successor.ts";

function processUse(): () => { cpuSeconds: number; residentBytes: number; loopUtilization: number } {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    const { user, system } = process.cpuUsage();
    return {
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      loopUtilization: utilization,
    };
  };
}

export type CreateServer = (config: GatewayConfig, events: RequestServerEvents, log: Log) => RequestServer;

/** Resolves when it can be talked to. */
export async function runGateway(createServer: CreateServer, args: readonly string[]): Promise<void> {
  const [folder = ".", inheritedJson = "[]"] = args;
  // Both are written by the daemon or the gateway that starts this one, of the same user.
  const config = JSON.parse(readFileSync(join(folder, configName), "utf8")) as GatewayConfig;
  const inherited = JSON.parse(inheritedJson) as readonly InheritedSocket[];
  const log = openOwnLog({ gateway: config.gatewayId });
  const gateway = new GatewayProcess({
    config,
    inherited,
    server: (events) => createServer(config, events, log),
    spawn: (of, command, sockets) => {
      const child = startGateway(of, command, sockets);
      child.once("error", (error) => log.error("another gateway did not start", { err: error.message }));
      log.info("another gateway started", { folder: of, pid: child.pid });
    },
    leave: () => process.exit(0),
    use: processUse(),
    pid: process.pid,
    clock: systemClock,
    log,
  });
  process.on("SIGINT", () => {});
  process.on("SIGHUP", () => {});
  process.on("SIGTERM", () => gateway.finish(processLimits.signalGraceMs, "SIGTERM"));
  // A bug of ours in one request: the others have done nothing to deserve an end.
  process.on("uncaughtException", (error) => log.error("uncaught exception", { err: error.stack }));
  process.on("unhandledRejection", (error) => log.error("unhandled rejection", { err: String(error) }));
  // The path of a Unix socket is short; that of the state folder may not be.
  process.chdir(folder);
  const draft = `${processName}.new`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, startTicks: processStartTicks(process.pid) }), {
    mode: 0o600,
  });
  renameSync(draft, processName);
  try {
    unlinkSync(socketName);
  } catch (thrown) {
    if (errorCode(thrown) !== "ENOENT") throw thrown;
  }
  await gateway.start(socketName);
  log.info("started", { pid: process.pid, inherited: inherited.length });
}
