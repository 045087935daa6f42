import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { Failure } from "../failure.ts";
import type { CommandContext } from "../command.ts";

interface VersionOptions {
  readonly client?: boolean;
  readonly output?: string;
}

interface VersionReport {
  readonly clientVersion: { readonly gitVersion: string; readonly nodeVersion: string };
  readonly serverVersion?: { readonly gitVersion?: string };
}

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .option("--client", "print the client's version only, without asking a server")
    .option("-o, --output <format>", "json or yaml")
    .action(async (options: VersionOptions) => {
      const report: VersionReport = {
        clientVersion: { gitVersion: `v${clientVersion()}`, nodeVersion: process.version },
        ...(options.client ? {} : { serverVersion: await askServer() }),
      };
      await terminal.out(await format(report, options.output));
    });

  const askServer = async () =>
    (await connect()).client.request<{ readonly gitVersion?: string }>({ path: "/version" });
}

async function format(report: VersionReport, output: string | undefined): Promise<string> {
  if (output === "json") return `${JSON.stringify(report, undefined, 2)}\n`;
  if (output === "yaml") return (await import("../output/yaml.ts")).toYaml(report);
  if (output !== undefined) throw new Failure(`--output must be json or yaml, not "${output}"`);
  const server = report.serverVersion
    ? `Server Version: ${report.serverVersion.gitVersion ?? "unknown"}\n`
    : "";
  return `Client Version: ${report.clientVersion.gitVersion}\n${server}`;
}

/** package.json lies one folder above `cli`, in the sources and in dist. */
function clientVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    readonly version: string;
  };
  return manifest.version;
}
