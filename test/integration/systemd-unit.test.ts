/** The unit that runs a node daemon as a service: as far as that can be checked without a service manager. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseDaemonOptions } from "../../node-daemon/options.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const unit = readFileSync(join(root, "deploy/systemd/wherry-node.service"), "utf8");
const command =
  /^ExecStart=((?:.*\\\n)*.*)$/m.exec(unit)?.[1]?.replaceAll("\\\n", " ").trim().split(/\s+/) ?? [];

test("wherry-node.service: stopping it stops the daemon alone, and what goes on is allowed to", () => {
  for (const line of ["KillMode=process", "OOMPolicy=continue", "Delegate=cpu memory pids"]) {
    expect(unit.split("\n")).toContain(line);
  }
  expect(command).toContain("--keep-instances-on-exit");
});

test("wherry-node.service: nothing in it covers what shims need", () => {
  const set = unit.match(/^[A-Z]\w+(?==)/gm) ?? [];
  for (const directive of [
    "ProtectKernelTunables",
    "ProtectKernelLogs",
    "ProtectProc",
    "ProcSubset",
    "ProtectHostname",
    "RestrictNamespaces",
    "MemoryDenyWriteExecute",
    "ProtectControlGroups",
  ]) {
    expect(set).not.toContain(directive);
  }
});

test("wherry-node.service: its command line is one that the daemon takes", () => {
  const file = join(root, "package.json");
  const own = ["--name", "one", "--scheduler", "localhost:1", "--ca", file, "--cert", file, "--key", file];
  const args = command.slice(2).flatMap((word) => {
    if (word === "$WHERRY_NODE_FLAGS") return own;
    return word === "${STATE_DIRECTORY}" ? ["/var/lib/wherry"] : [word];
  });
  expect(parseDaemonOptions(args)).toMatchObject({ stateDir: "/var/lib/wherry", keepInstancesOnExit: true });
});

test("wherry-node.service: systemd finds no fault in it", () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-unit-"));
  try {
    const copy = join(folder, "wherry-node.service");
    const installed = unit
      .replace(command[0] ?? "", process.execPath)
      .replace(command[1] ?? "", join(root, "node-daemon/main.ts"));
    writeFileSync(copy, installed);
    const checked = spawnSync("systemd-analyze", ["verify", "--man=no", copy], { encoding: "utf8" });
    // Where there is no systemd there is nothing to start it with either.
    if (checked.error) return;
    expect({ status: checked.status, says: checked.stderr }).toEqual({ status: 0, says: "" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
