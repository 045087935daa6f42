/**
 * Test support: what a shim that an attacker has taken over tries, run in its place. Says what came of it as JSON on standard
 * output. Where it is not confined it does nothing: and files of the machine it only opens for writing, and writes no byte.
 */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { errorCode } from "../../kit/errors.ts";

/** What it is told to look for, in place of a shim's configuration. */
export interface Targets {
  readonly forbiddenFiles: readonly string[];
  readonly daemonPid: number;
  readonly port: number;
  readonly readOnlyFile: string;
  readonly logFolder: string;
}

function outcome(attempt: () => unknown): string {
  try {
    return `did: ${String(attempt())}`;
  } catch (thrown) {
    return `failed: ${errorCode(thrown) ?? String(thrown)}`;
  }
}

function opensForWriting(path: string): string {
  return outcome(() => closeSync(openSync(path, constants.O_WRONLY)));
}

function reaches(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve("did"));
    socket.once("error", (error) => resolve(`failed: ${errorCode(error)}`));
    socket.unref();
  });
}

function lines(path: string, pattern: RegExp): readonly string[] {
  return (readFileSync(path, "utf8").match(pattern) ?? []).map((line) => line.replace(/\s+/, " "));
}

function looks(folder: string, targets: Targets): Record<string, unknown> {
  const { daemonPid, forbiddenFiles, logFolder, readOnlyFile } = targets;
  const switches = ["/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger"];
  const forged = JSON.stringify({ pid: daemonPid, "child-pid": daemonPid });
  return {
    root: readdirSync("/").toSorted(),
    etc: readdirSync("/").includes("etc") ? readdirSync("/etc") : [],
    processes: readdirSync("/proc").filter((name) => /^\d+$/.test(name)),
    status: lines("/proc/self/status", /^(CapEff|CapPrm|CapBnd|NoNewPrivs):\s*\S+$/gm),
    environment: Object.keys(process.env).filter((name) => name !== "PWD"),
    ...Object.fromEntries(
      forbiddenFiles.map((path) => [`read ${path}`, outcome(() => readFileSync(path).length)]),
    ),
    "siblings of its folder": readdirSync(join(folder, "..")).length,
    "up from the root": outcome(() => readdirSync("/proc/1/root/..").toSorted().join(" ")),
    "read the daemon's environment": outcome(() => readFileSync(`/proc/${daemonPid}/environ`).length),
    "signal the daemon": outcome(() => process.kill(daemonPid, 0)),
    "signal its group": outcome(() => process.kill(-daemonPid, 0)),
    ...Object.fromEntries(switches.map((path) => [`write ${path}`, opensForWriting(path)])),
    "write in /": outcome(() => closeSync(openSync("/wherry-was-here", "wx"))),
    "write the program": opensForWriting(process.argv[1] ?? ""),
    "write the configuration": opensForWriting(join(folder, "config.json")),
    "write what is read-only": opensForWriting(readOnlyFile),
    "read what is read-only": outcome(() => readFileSync(readOnlyFile, "utf8")),
    "write its folder": outcome(() => writeFileSync(join(folder, "process.json"), forged)),
    "forge its process": outcome(() => writeFileSync(join(folder, "sandbox.json"), forged)),
    "write its log": outcome(() => writeFileSync(join(logFolder, "current.log"), "x")),
    "link in its log": outcome(() => symlinkSync("/etc/passwd", join(logFolder, "previous.log"))),
    "run a program": outcome(() => {
      const { error } = spawnSync("/usr/bin/id");
      if (error) throw error;
    }),
  };
}

// In a namespace of its own it is one of the first processes.
if (process.pid < 10) {
  const folder = process.argv[2] ?? "";
  const targets = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as Targets;
  const found = { ...looks(folder, targets), network: await reaches(targets.port) };
  process.stdout.write(`${JSON.stringify(found)}\n`);
  // It stays, so that it can be killed.
  setInterval(() => {}, 60_000);
} else {
  process.stdout.write('"not confined"\n');
}
