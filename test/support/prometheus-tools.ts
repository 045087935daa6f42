/** Debian's `prometheus` and `promtool`: apt-get install prometheus. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { readFileSync } from "node:fs";
import { checkout } from "./cluster.ts";

export const prometheusFolder = join(checkout, "deploy/prometheus");
export const rulesFolder = join(prometheusFolder, "rules");
export const ruleFiles = readdirSync(rulesFolder).map((name) => join(rulesFolder, name));

export const hasPrometheus = ["prometheus", "promtool"].every(
  (program) => spawnSync(program, ["--version"]).status === 0,
);

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export const rules: readonly Rule[] = ruleFiles.flatMap((file) =>
  parseAllDocuments(readFileSync(file, "utf8")).flatMap((document) =>
    // Rule files of ours, which promtool checks in the same tests.
    (document.toJS() as RuleFile).groups.flatMap((group) => group.rules),
  ),
);

/** `promtool` with these arguments; throws with what it says when it is not content. */
export function promtool(args: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync("promtool", args, { input, encoding: "utf8" });
  if (status !== 0) throw new Error(`promtool ${args.join(" ")}:\n${stdout}${stderr}`);
  return stdout;
}
