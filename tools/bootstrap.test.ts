import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, test } from "vitest";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-bootstrap-"));
  mkdirSync(join(folder, "node_modules"));
  return () => rmSync(folder, { recursive: true, force: true });
});

/** Asks the bootstrap in a process of its own: it is plain JavaScript, made for other versions of Node. */
function missing(scope: string): readonly string[] {
  const bootstrap = fileURLToPath(new URL("bootstrap.mjs", import.meta.url));
  const script = `const { missingPackages } = await import(${JSON.stringify(bootstrap)});
    console.log(JSON.stringify(missingPackages(${JSON.stringify(scope)}, ${JSON.stringify(folder)})));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  return JSON.parse(output) as readonly string[];
}

function write(file: string, packages: object): void {
  writeFileSync(join(folder, file), JSON.stringify({ packages }));
}

const here = { optional: true, os: [process.platform], cpu: process.arch, version: "1.0.0" };

const wanted = {
  "": { name: "root" },
  "node_modules/a": { version: "1.0.0" },
  "node_modules/tool": { version: "1.0.0", dev: true },
  "node_modules/a/node_modules/b": { version: "2.0.0" },
  "node_modules/for-this-machine": here,
  "node_modules/for-another": { ...here, os: ["plan9"] },
  "node_modules/for-another-libc": { ...here, libc: ["musl"] },
  "node_modules/anywhere": { version: "1.0.0", optional: true },
};

test("missingPackages: everything, in a checkout without node_modules", () => {
  write("package-lock.json", wanted);
  expect(missing("production")).toEqual(["a", "b", "for-this-machine"]);
  expect(missing("all")).toEqual(["a", "tool", "b", "for-this-machine"]);
});

test("missingPackages: none when all that is needed is there", () => {
  write("package-lock.json", wanted);
  const present = {
    "node_modules/a": { version: "1.0.0" },
    "node_modules/a/node_modules/b": { version: "2.0.0" },
  };
  write("node_modules/.package-lock.json", { ...present, "node_modules/for-this-machine": here });
  expect(missing("production")).toEqual([]);
});

test("missingPackages: what has another version", () => {
  write("package-lock.json", { "node_modules/a": { version: "1.0.0" } });
  write("node_modules/.package-lock.json", { "node_modules/a": { version: "0.9.0" } });
  expect(missing("production")).toEqual(["a"]);
});
