import type { Command } from "commander";
import type { ApiObject } from "../../api/object-meta.ts";
import { dryRunText } from "../apply/apply-documents.ts";
import { getObject, listObjects, resourcePath } from "../client/objects.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection.ts";
import { parseCount, parseDurationMs } from "../duration.ts";
import { Failure } from "../failure.ts";
import { locateFiles } from "../manifests/locate-files.ts";
import { parseDryRun } from "../manifests/dry-run.ts";
import { resolveSelections } from "../resources/resolve.ts";
import { objectReference } from "../resources/resource.ts";
import { followRollout } from "../rollout/follow-rollout.ts";
import { historyText, revisionObjects, revisionText } from "../rollout/history.ts";
import { isPaused } from "../rollout/progress.ts";
import { findRevision, listRevisions } from "../rollout/revisions.ts";
import { undoRollout } from "../rollout/undo.ts";
import { asWorkload, quotedReference, requirePausable, type Workload } from "../rollout/workload.ts";

interface TargetOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly selector?: string;
}

interface StatusOptions extends TargetOptions {
  /** `--watch=false` gives the text. */
  readonly watch: boolean | string;
  readonly timeout?: string;
  readonly revision?: string;
}

interface HistoryOptions extends TargetOptions {
  readonly revision?: string;
  readonly output?: string;
}

interface UndoOptions extends TargetOptions {
  readonly toRevision?: string;
  readonly dryRun?: string;
}

const fieldManager = "wherry-rollout";

export function define(command: Command, context: CommandContext): void {
  const rollout = new Rollout(context);
  withTargets(command.command("status"), "Follow a rollout until it is complete or has failed")
    .option("-w, --watch [bool]", "go on until the rollout has ended (--watch=false: look once)", true)
    .option("--timeout <duration>", "how long to watch at most, such as 5m; 0: for ever", "0s")
    .option("--revision <number>", "fail when another revision is being rolled out")
    .action((args: readonly string[], options: StatusOptions) => rollout.status(args, options));
  withTargets(command.command("history"), "List the revisions that are kept, or show one")
    .option("--revision <number>", "show this one whole")
    .option("-o, --output <format>", "yaml or json")
    .action((args: readonly string[], options: HistoryOptions) => rollout.history(args, options));
  withTargets(command.command("undo"), "Go back to the template of an earlier revision")
    .option("--to-revision <number>", "the revision to go back to; 0: the one before", "0")
    .option("--dry-run <mode>", "client: show what would change; server: have the server check it, too")
    .action((args: readonly string[], options: UndoOptions) => rollout.undo(args, options));
  withTargets(command.command("restart"), "Replace all instances by new ones of the same template").action(
    (args: readonly string[], options: TargetOptions) => rollout.restart(args, options),
  );
  withTargets(command.command("pause"), "Let changes of the template wait").action(
    (args: readonly string[], options: TargetOptions) => rollout.setPaused(args, options, true),
  );
  withTargets(command.command("resume"), "Let a paused rollout go on").action(
    (args: readonly string[], options: TargetOptions) => rollout.setPaused(args, options, false),
  );
}

function withTargets(command: Command, summary: string): Command {
  return command
    .description(summary)
    .argument("[type...]", "TYPE NAME... or TYPE/NAME..., or TYPE with -l")
    .option("-f, --filename <file...>", "the workloads that the file, folder or - (standard input) declares")
    .option("-R, --recursive", "folders with those below them")
    .option("-l, --selector <labels>", "workloads with these labels");
}

class Rollout {
  readonly #context: CommandContext;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  async status(args: readonly string[], options: StatusOptions): Promise<void> {
    const { terminal } = this.#context;
    const revision = options.revision === undefined ? undefined : parseCount(options.revision, "--revision");
    const timeoutMs = options.timeout === "0" ? 0 : parseDurationMs(options.timeout ?? "0s", "--timeout");
    const connection = await this.#context.connect();
    const workloads = await this.#workloads(args, options, connection);
    const timeout = new AbortController();
    using _timer = timeoutMs > 0 ? terminal.clock.setTimer(timeoutMs, () => timeout.abort()) : undefined;
    const { client } = connection;
    const resources = await connection.resources();
    const watch = options.watch !== false && options.watch !== "false";
    for (const workload of workloads)
      await followRollout({ client, terminal, resources, watch, revision, signal: timeout.signal }, workload);
  }

  async history(args: readonly string[], { revision, output, ...targets }: HistoryOptions): Promise<void> {
    const { terminal } = this.#context;
    if (output !== undefined && output !== "yaml" && output !== "json")
      throw new Failure(`--output "${output}" is not known; it is yaml or json`);
    const number = revision === undefined ? 0 : parseCount(revision, "--revision");
    const connection = await this.#context.connect();
    const resources = await connection.resources();
    for (const workload of await this.#workloads(args, targets, connection)) {
      const object = await getWorkload(connection, workload);
      const all = await listRevisions(connection.client, resources, workload, object.metadata.uid);
      const reference = objectReference(workload.resource, workload.name);
      const one = number === 0 ? undefined : findRevision(all, number);
      if (all.length === 0)
        throw new Failure(`no rollout history found for ${workload.word} "${workload.name}"`);
      if (output) await terminal.out(revisionObjects(one ? [one] : all, one !== undefined, output));
      else if (one) await terminal.out(revisionText(reference, one));
      else await terminal.out(historyText(reference, object, all, terminal.clock.now()));
    }
  }

  async undo(args: readonly string[], { toRevision, dryRun, ...targets }: UndoOptions): Promise<void> {
    const mode = parseDryRun(dryRun);
    const number = parseCount(toRevision ?? "0", "--to-revision");
    const connection = await this.#context.connect();
    const resources = await connection.resources();
    const request = { toRevision: number === 0 ? undefined : number, dryRun: mode };
    for (const workload of await this.#workloads(args, targets, connection)) {
      const { text, diff } = await undoRollout(connection.client, resources, workload, request);
      const shown = mode === "client" ? diff : "";
      await this.#say(workload, `${text}${dryRunText(mode)}\n${shown}`);
    }
  }

  async restart(args: readonly string[], options: TargetOptions): Promise<void> {
    const connection = await this.#context.connect();
    for (const workload of await this.#workloads(args, options, connection)) {
      const object = await getWorkload(connection, workload);
      if (isPaused(object))
        throw new Failure(
          `${quotedReference(workload)} can't restart paused ${workload.word} (run 'wherry rollout resume ${workload.word}/${workload.name}' first)`,
        );
      // With milliseconds, so that the second of two restarts within a second is one, too.
      const restartedAt = new Date(this.#context.terminal.clock.now()).toISOString();
      const annotations = { "wherry.dev/restartedAt": restartedAt };
      await this.#patch(connection, workload, { template: { metadata: { annotations } } });
      await this.#say(workload, "restarted\n");
    }
  }

  async setPaused(args: readonly string[], options: TargetOptions, paused: boolean): Promise<void> {
    const connection = await this.#context.connect();
    for (const workload of await this.#workloads(args, options, connection)) {
      requirePausable(workload);
      if (isPaused(await getWorkload(connection, workload)) === paused)
        throw new Failure(`${quotedReference(workload)} is ${paused ? "already" : "not"} paused`);
      await this.#patch(connection, workload, { paused });
      await this.#say(workload, paused ? "paused\n" : "resumed\n");
    }
  }

  async #patch({ client }: Connection, { resource, namespace, name }: Workload, spec: object): Promise<void> {
    await client.request({
      method: "PATCH",
      path: resourcePath(resource, namespace, name),
      query: { fieldManager },
      contentType: "application/merge-patch+json",
      body: { spec },
    });
  }

  async #say({ resource, name }: Workload, text: string): Promise<void> {
    await this.#context.terminal.out(`${objectReference(resource, name)} ${text}`);
  }

  async #workloads(
    args: readonly string[],
    { filename, recursive = false, selector }: TargetOptions,
    connection: Connection,
  ): Promise<readonly Workload[]> {
    if (filename) {
      const targets = await locateFiles(filename, recursive, this.#context, connection);
      return targets.map(({ resource, namespace, name }) => asWorkload(resource, namespace, name));
    }
    const selections = resolveSelections(await connection.resources(), args);
    const lists = await Promise.all(
      selections.map(async ({ resource, name }) => {
        if (name !== undefined) return [asWorkload(resource, connection.namespace, name)];
        if (selector === undefined)
          throw new Failure(
            `required resource not specified: name the workload, such as ${resource.singular}/web, or select some with -l`,
          );
        const query = { labelSelector: selector };
        const { items } = await listObjects(connection.client, resource, connection.namespace, query);
        return items.map(({ metadata }) => asWorkload(resource, connection.namespace, metadata.name));
      }),
    );
    if (lists.flat().length === 0) throw new Failure("no matching resources found");
    return lists.flat();
  }
}

function getWorkload({ client }: Connection, { resource, namespace, name }: Workload): Promise<ApiObject> {
  return getObject(client, resource, namespace, name);
}
