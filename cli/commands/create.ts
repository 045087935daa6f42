import type { Command } from "commander";
import { instantiateAnnotation } from "../../api/cron-job.ts";
import type { WasmCronJob } from "../../api/gen/kinds.gen.ts";
import { assertNever } from "../../kit/errors.ts";
import { getObject, resourcePath } from "../client/objects.ts";
import type { CommandContext } from "../command.ts";
import { Failure } from "../failure.ts";
import { toYaml } from "../output/yaml.ts";
import { findResource, requireResource } from "../resources/resolve.ts";
import { objectReference, type Resource } from "../resources/resource.ts";

interface CreateOptions {
  readonly from: string;
  readonly output?: string;
}

/** What `--from` may call a cron job beside what the server calls it; kubectl's word is the first. */
const words: Readonly<Record<string, string>> = {
  cronjob: "wasmcronjobs",
  cronjobs: "wasmcronjobs",
  cj: "wasmcronjobs",
};

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .argument("<what>", "job")
    .argument("<name>", "what the job will be called")
    .requiredOption("--from <cronjob>", "the cron job, such as wasmcronjob/nightly")
    .option("-o, --output <format>", "name, yaml or json")
    .addHelpText("after", "\nEverything else is made from a manifest: wherry apply -f FILE.")
    .action(async (what: string, name: string, options: CreateOptions) => {
      if (!["job", "wasmjob", "wj"].includes(what.toLowerCase()))
        throw new Failure(`wherry create makes jobs only, not "${what}"; for all else: wherry apply -f FILE`);
      const format = parseFormat(options.output);
      const connection = await connect();
      const resources = await connection.resources();
      const cronJobs = requireResource(resources, "wasmcronjobs.wherry.dev");
      const jobs = requireResource(resources, "wasmjobs.wherry.dev");
      const from = parseFrom(options.from, resources);
      const { client, namespace } = connection;
      // The API server has validated it.
      const cronJob = (await getObject(client, cronJobs, namespace, from)) as unknown as WasmCronJob;
      const created = await client.request({
        method: "POST",
        path: resourcePath(jobs, namespace),
        query: { fieldManager: "wherry-create" },
        body: jobFrom(cronJob, name),
      });
      await terminal.out(render(created, objectReference(jobs, name), format));
    });
}

type Format = "text" | "name" | "yaml" | "json";

function parseFormat(output: string | undefined): Format {
  switch (output) {
    case undefined:
    case "":
      return "text";
    case "name":
    case "yaml":
    case "json":
      return output;
    default:
      throw new Failure(`--output "${output}" is not known; it is one of name, yaml, json`);
  }
}

function parseFrom(from: string, resources: readonly Resource[]): string {
  const [type = "", name = "", ...rest] = from.split("/");
  const resource = findResource(resources, words[type.toLowerCase()] ?? type);
  if (resource?.kind !== "WasmCronJob" || name === "" || rest.length > 0)
    throw new Failure(`--from "${from}" names no cron job; write it as wasmcronjob/NAME`);
  return name;
}

/** As kubectl makes one: it belongs to the cron job, goes with it and counts for its history, not for its concurrency. */
function jobFrom({ apiVersion, kind, metadata, spec }: WasmCronJob, name: string) {
  const { labels, annotations } = spec.jobTemplate.metadata ?? {};
  return {
    apiVersion,
    kind: "WasmJob",
    metadata: {
      name,
      ...(labels ? { labels } : {}),
      annotations: { ...annotations, [instantiateAnnotation]: "manual" },
      ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true }],
    },
    spec: spec.jobTemplate.spec,
  };
}

function render(created: unknown, reference: string, format: Format): string {
  switch (format) {
    case "yaml":
      return toYaml(created);
    case "json":
      return `${JSON.stringify(created, null, 2)}\n`;
    case "name":
      return `${reference}\n`;
    case "text":
      return `${reference} created\n`;
    default:
      return assertNever(format, "format");
  }
}
