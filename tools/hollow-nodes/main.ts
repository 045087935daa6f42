/**
 * `npm run hollow-nodes -- --nodes 1000`: pretends node daemons towards a real scheduler, each with its own name,
 * certificate and session, to load the scheduler without running anything. docs/HOLLOW-NODES.md is about it.
 */
import { fileURLToPath } from "node:url";
import { systemClock } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import { createLog, type Log } from "../../kit/log.ts";
import { stopRequested, tellParent } from "../../kit/service.ts";
import { HollowCluster } from "./hollow-cluster.ts";
import { type HollowOptions, hollowUsage, parseHollowOptions } from "./options.ts";
import { divide, Workers } from "./workers.ts";

/** The nodes here, or those that other processes have for us. */
interface Nodes {
  /** Answers how many have connected. */
  start(signal: AbortSignal): Promise<number>;
  /** Rejects when they cannot go on. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

async function run(options: HollowOptions, args: readonly string[], log: Log): Promise<void> {
  const stop = stopRequested(log);
  const stopping = new AbortController();
  void stop.then(() => stopping.abort(new Error("asked to stop")));
  const nodes: Nodes =
    options.workers > 1 ? divided(options, args) : new HollowCluster(options, systemClock, log);
  const started = nodes.start(stopping.signal).then(async (count) => {
    if (!process.connected && !stopping.signal.aborted)
      console.log(`${count} of ${options.count} hollow nodes have a session with ${options.traits.join}`);
    await tellParent({ kind: "ready", nodes: count });
  });
  try {
    await Promise.race([stop, started.then(() => stop), nodes.failed]);
  } finally {
    await nodes.close();
  }
}

function divided(options: HollowOptions, args: readonly string[]): Nodes {
  return new Workers(fileURLToPath(import.meta.url), args, divide(options, options.workers));
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    console.log(hollowUsage);
    return;
  }
  let options: HollowOptions;
  try {
    // npm runs scripts in the package's folder.
    options = parseHollowOptions(args, process.env["INIT_CWD"] ?? ".");
  } catch (thrown) {
    console.error(`hollow-nodes: ${errorMessage(thrown)}\n\n${hollowUsage}`);
    process.exitCode = 2;
    return;
  }
  const log = createLog({ level: options.logLevel, name: "hollow-nodes" });
  try {
    await run(options, args, log);
    process.exit(0);
  } catch (thrown) {
    log.error("the hollow nodes cannot go on", { err: thrown });
    process.exit(1);
  }
}

await main();
