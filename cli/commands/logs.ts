import type { Command } from "commander";
import { clientLimits } from "../client/limits.ts";
import { getObject, listObjects } from "../client/objects.ts";
import { forEachLimited } from "../concurrency.ts";
import type { Connection } from "../connection.ts";
import { parseCount, parseDurationMs } from "../duration.ts";
import { describeError } from "../error-text.ts";
import { AlreadyReported } from "../failure.ts";
import { LogFollower } from "../logs/follow-workload.ts";
import { resolveLogTarget, selectInstances, type LogTarget } from "../logs/instances.ts";
import { printLog, type LogQuery } from "../logs/log-stream.ts";
import type { CommandContext } from "../command.ts";
import type { Terminal } from "../terminal.ts";

interface LogsOptions {
  readonly follow?: boolean;
  readonly tail?: string;
  readonly since?: string;
  readonly timestamps?: boolean;
}

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .argument("<target>", "an instance's name, or a workload such as wasmdeployment/hello: all its instances")
    .option("-f, --follow", "go on printing what is written, also by instances that come later")
    .option("--tail <lines>", "only the last lines of each instance; -1 for all", "-1")
    .option("--since <duration>", "only lines that are not older than this, such as 90s, 5m or 1h")
    .option("--timestamps", "put its time before each line")
    .action(async (arg: string, options: LogsOptions) => {
      const tail = parseCount(options.tail ?? "-1", "--tail", -1);
      const sinceMs = options.since === undefined ? undefined : parseDurationMs(options.since, "--since");
      const query: LogQuery = {
        follow: options.follow ?? false,
        tailLines: tail < 0 ? undefined : tail,
        sinceSeconds: sinceMs === undefined ? undefined : Math.max(1, Math.ceil(sinceMs / 1000)),
        timestamps: options.timestamps ?? false,
      };
      const connection = await connect();
      const target = resolveLogTarget(await connection.resources(), connection.namespace, arg);
      await checkExists(connection, target);
      if (query.follow) await new LogFollower(connection.client, terminal, target, query).run();
      else await printLogs(connection, terminal, target, query);
    });
}

/** A name that does not exist is an error also with `-f`, which waits only for what is known to come. */
async function checkExists({ client }: Connection, target: LogTarget): Promise<void> {
  const { resource, name } = target.workload ?? { resource: target.instances, name: target.name ?? "" };
  await getObject(client, resource, target.namespace, name);
}

async function printLogs(
  { client }: Connection,
  terminal: Terminal,
  target: LogTarget,
  query: LogQuery,
): Promise<void> {
  if (target.name !== undefined) {
    await printLog(client, terminal, target, target.name, query, () => "");
    return;
  }
  const { items } = await listObjects(client, target.instances, target.namespace);
  const instances = selectInstances(target, items);
  const started = instances.filter(({ status }) => status !== undefined && status.phase !== "Pending");
  if (started.length === 0) {
    const waiting = instances.map(
      ({ metadata, status }) => `${metadata.name}: ${status?.message ?? "Pending"}\n`,
    );
    await terminal.err(
      `no instance of ${target.reference} has started yet\n${waiting.slice(0, 10).join("")}`,
    );
  }
  let failed = false;
  await forEachLimited(started, clientLimits.concurrency, async ({ metadata: { name } }) => {
    const prefix = instances.length > 1 ? `[${name}] ` : "";
    await printLog(client, terminal, target, name, query, () => prefix).catch(async (error: unknown) => {
      failed = true;
      await terminal.err(`${prefix}${describeError(error)}\n`);
    });
  });
  if (failed) throw new AlreadyReported();
}
