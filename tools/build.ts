/** `npm run build`: dist/ as it is published. The same tree as the sources, with JavaScript and declarations. */
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, runProgram } from "./gate.ts";

const dist = join(root, "dist");

/** What the programs read beside their code. */
const dataFiles = [
  "cli/bin.mjs",
  "cli/runtime.mjs",
  "proto/wherry",
  "charts/wherry",
  "api/gen/answer",
  "api/gen/live",
  "api/gen/review",
  "deploy/systemd",
  "deploy/grafana",
  // Credentials of whoever builds may be beside these.
  "deploy/prometheus/access.yaml",
  "deploy/prometheus/prometheus.yml",
  "deploy/prometheus/rules",
  "README.md",
  "LICENSE",
];

interface PackageJson {
  readonly [field: string]: unknown;
}

rmSync(dist, { recursive: true, force: true });
const compiled = await runProgram("tsc", ["--project", "tools/tsconfig.build.json"]);
if (!compiled.passed) {
  console.error(compiled.output);
  process.exit(1);
}
for (const file of dataFiles.filter((file) => existsSync(join(root, file)))) {
  cpSync(join(root, file), join(dist, file), { recursive: true });
}
chmodSync(join(dist, "cli", "bin.mjs"), 0o755);
const {
  scripts: _scripts,
  devDependencies: _tools,
  ...published
} = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as PackageJson;
writeFileSync(join(dist, "package.json"), `${JSON.stringify(published, undefined, 2)}\n`);
const tried = await runProgram("node", [join(dist, "cli", "bin.mjs"), "version", "--client"]);
console.log(tried.passed ? `built dist (${tried.output})` : tried.output);
process.exitCode = tried.passed ? 0 : 1;
