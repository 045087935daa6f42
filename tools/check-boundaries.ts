/** `npm run boundaries`: which folder may import which, and no cycles. The rules are in boundaries.ts. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { checkBoundaries } from "./boundaries.ts";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const folders = [
  "kit",
  "api",
  "proto",
  "scheduler",
  "node-daemon",
  "client",
  "cli",
  "bench",
  "test",
  "tools",
];

const files = folders
  .map((folder) => join(root, folder))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((path) => !path.includes(`${sep}node_modules${sep}`))
  .map((path) => ({
    path: relative(root, path).split(sep).join("/"),
    text: readFileSync(path, "utf8"),
  }));

const violations = checkBoundaries(files);
for (const { path, line, message } of violations) console.log(`${path}:${line}: ${message}`);
console.log(`${files.length} files, ${violations.length} violations`);
process.exitCode = violations.length === 0 ? 0 : 1;
