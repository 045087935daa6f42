/** The node daemon process: reads flags, wires the parts, handles signals. Nothing imports it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { madeFolder } from "../kit/checkout-programs.ts";
import { systemClock } from "../kit/clock.ts";
import { errorCode, errorMessage } from "../kit/errors.ts";
import { createLog, type Log } from "../kit/log.ts";
import { systemRandom } from "../kit/random.ts";
import { stopRequested, tellParent } from "../kit/service.ts";
import { openTracer } from "../kit/tracing/open-tracer.ts";
import { Daemon } from "./daemon.ts";
import { ConditionBoard } from "./machine/condition-board.ts";
import { confiningLauncher } from "./machine/confining-launcher.ts";
import { detectConfinement } from "./machine/confinement.ts";
import { type DaemonOptions, daemonUsage, parseDaemonOptions } from "./options.ts";
import { createV8Driver } from "./runtimes/v8/driver.ts";

/** The young generation keeps its 2 MB: it would grow with the first thousands of instances, to 48 MB, and stay so. */
setFlagsFromString("--semi-space-growth-factor=1");

/** No guest may write what a daemon runs. People mount folders of their checkout: of that only what is made from it counts. */
const programFolder = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? `../${madeFolder}` : "..", import.meta.url),
);

async function run(options: DaemonOptions, log: Log): Promise<void> {
  const clock = systemClock;
  const starting = new AbortController();
  const stop = stopRequested(log);
  void stop.then(() => starting.abort(new Error("asked to stop while starting")));
  const confinement = await detectConfinement({
    execPath: process.execPath,
    searchPath: process.env["PATH"] ?? "",
  });
  const v8 = createV8Driver({
    stateDir: join(options.stateDir, "runtimes", "v8"),
    cacheDir: join(options.stateDir, "cache", "v8"),
    clock,
    log,
    shimLimits: { orphanMs: options.orphanMs },
    shimAgeMsMax: options.shimAgeMsMax,
    processesMax: options.allocatable.processes,
    launcher: confiningLauncher(confinement),
  });
  const conditions = new ConditionBoard(clock, log, confinement.conditions);
  const tracer = openTracer(
    options.tracing,
    { service: "wherry-node", instance: options.name, packagesFrom: import.meta.filename, clock },
    log,
  );
  const version = packageVersion();
  const parts = { clock, random: systemRandom, log, version, drivers: [v8], conditions, tracer };
  const reservedHostPaths = [...options.reservedHostPaths, programFolder];
  const daemon = await Daemon.start({ ...options, reservedHostPaths }, parts, starting.signal);
  void daemon.connected.then(() => {
    const runtimes = daemon.runtimes.map(({ name }) => name);
    log.info("ready", { runtimes });
    const { urls } = daemon;
    void tellParent({ kind: "ready", name: options.name, capacity: options.allocatable, runtimes, urls });
  });
  await stop;
  if (options.keepInstancesOnExit) await daemon.leave();
  else await daemon.drain();
  await tracer[Symbol.asyncDispose]();
}

function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

async function main(): Promise<void> {
  let options: DaemonOptions;
  try {
    options = parseDaemonOptions(process.argv.slice(2));
  } catch (thrown) {
    process.stderr.write(`wherry-node: ${errorMessage(thrown)}\n\n${daemonUsage}\n`);
    await tellParent({ kind: "failed", message: errorMessage(thrown) });
    process.exitCode = 2;
    return;
  }
  const log = createLog({ level: options.logLevel, name: "node" }).bind({ node: options.name });
  try {
    await run(options, log);
    process.exit(0);
  } catch (thrown) {
    log.error("the node daemon cannot go on", { err: thrown, code: errorCode(thrown) });
    await tellParent({ kind: "failed", message: errorMessage(thrown) });
    process.exit(1);
  }
}

await main();
