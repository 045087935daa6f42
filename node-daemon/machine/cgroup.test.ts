import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCgroups, ownCgroup, systemCgroupSources, treeIn } from "./cgroup.ts";

/** A folder in place of the hierarchy: what is written can be read, and nothing is enforced. */
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "wherry-cgroup-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const pid = 4711;

function sources(path: string) {
  const mounts = `30 23 0:26 / ${root} rw,nosuid shared:4 - cgroup2 cgroup2 rw\n`;
  return { membership: `1:name=systemd:/\n0::${path}\n`, mounts, pid };
}

function delegate(path: string, given: { controllers?: string; procs?: string } = {}): string {
  const folder = join(root, path);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "cgroup.controllers"), given.controllers ?? "cpuset cpu io memory pids\n");
  writeFileSync(join(folder, "cgroup.procs"), given.procs ?? `${pid}\n`);
  return folder;
}

const read = (...path: string[]) => readFileSync(join(...path), "utf8");

describe("openCgroups", () => {
  test("moves the daemon down, and gives controllers to groups beside it", () => {
    const folder = delegate("system.slice/wherry-node.service");
    const outcome = openCgroups(sources("/system.slice/wherry-node.service"));
    expect(outcome).toMatchObject({ kind: "works", folder: join(folder, "shims") });
    expect(read(folder, "daemon", "cgroup.procs")).toBe(String(pid));
    expect(read(folder, "cgroup.subtree_control")).toBe("+memory +pids +cpu");
    expect(read(folder, "shims", "cgroup.subtree_control")).toBe("+memory +pids +cpu");
  });

  test("finds its place again when the service manager starts it one level down", () => {
    const folder = delegate("unit");
    delegate("unit/daemon");
    expect(openCgroups(sources("/unit/daemon"))).toMatchObject({
      kind: "works",
      folder: join(folder, "shims"),
    });
  });

  test.each([
    { name: "no hierarchy", mounts: "", reason: "NoCgroup2" },
    { name: "no controllers", controllers: "cpu\n", reason: "NoControllers" },
    { name: "somebody else in the cgroup, such as a shell", procs: `${pid}\n1\n`, reason: "NotDelegated" },
    { name: "a cgroup that is not there", path: "/absent", reason: "NotDelegated" },
  ])("leaves all as it is: $name", ({ path = "/unit", reason, mounts, ...given }) => {
    delegate("unit", given);
    const outcome = openCgroups({ ...sources(path), ...(mounts !== undefined && { mounts }) });
    expect(outcome).toMatchObject({ kind: "unavailable", reason });
    expect(readdirSync(join(root, "unit"))).toEqual(["cgroup.controllers", "cgroup.procs"]);
  });
});

describe("treeIn", () => {
  test("sets the limits before anybody is in the group", () => {
    const procs = treeIn(root).open("one", { memoryBytesMax: 2 ** 20, cpuMillisMax: 250 });
    expect(procs).toBe(join(root, "one", "cgroup.procs"));
    expect(existsSync(procs)).toBe(false);
    expect(read(root, "one", "memory.max")).toBe("1048576");
    expect(read(root, "one", "memory.oom.group")).toBe("1");
    expect(read(root, "one", "pids.max")).toBe("128");
    // A quarter of a core.
    expect(read(root, "one", "cpu.max")).toBe("25000 100000");
  });

  test("without limits sets none but that of tasks", () => {
    treeIn(root).open("one", { memoryBytesMax: undefined, cpuMillisMax: undefined });
    expect(readdirSync(join(root, "one"))).toEqual(["pids.max"]);
  });

  test.each([
    ["of which the kernel ended a process", "low 0\noom 3\noom_kill 1\noom_group_kill 1\n", true],
    ["at its limit, but alive", "low 0\nmax 7\noom 0\noom_kill 0\n", false],
    ["without such a file", undefined, false],
  ])("ranOutOfMemory: a group %s", (_name, events, ranOut) => {
    const tree = treeIn(root);
    tree.open("one", { memoryBytesMax: 2 ** 20, cpuMillisMax: undefined });
    if (events !== undefined) writeFileSync(join(root, "one", "memory.events"), events);
    expect(tree.ranOutOfMemory("one")).toBe(ranOut);
    expect(tree.ranOutOfMemory("absent")).toBe(false);
  });

  test("closing kills whatever is left, also twice", () => {
    const tree = treeIn(root);
    tree.open("one", { memoryBytesMax: undefined, cpuMillisMax: undefined });
    tree.close("one");
    tree.close("absent");
    expect(read(root, "one", "cgroup.kill")).toBe("1");
  });
});

test("ownCgroup: of this very process, where there is a v2 hierarchy", () => {
  const own = ownCgroup(systemCgroupSources());
  if (own === undefined) expect(systemCgroupSources().mounts).not.toContain(" - cgroup2 ");
  else expect(existsSync(join(own, "cgroup.procs"))).toBe(true);
});

/** A group in the real hierarchy, where this user may make one. */
function realGroup(): string | undefined {
  const own = ownCgroup(systemCgroupSources());
  const group = own && join(own, `wherry-test-${process.pid}`);
  try {
    if (group !== undefined) mkdirSync(group);
    return group;
  } catch {
    return undefined;
  }
}

const group = realGroup();
afterAll(() => {
  if (group !== undefined && existsSync(group)) rmdirSync(group);
});

test.skipIf(group === undefined)(
  "treeIn: closing kills what is in a real group, and an empty one goes",
  async () => {
    const folder = group ?? "";
    const child = spawn("sleep", ["600"]);
    const ended = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
    writeFileSync(join(folder, "cgroup.procs"), String(child.pid));
    const tree = treeIn(dirname(folder));
    tree.close(basename(folder));
    expect(await ended).toBe("SIGKILL");
    tree.close(basename(folder));
    expect(existsSync(folder)).toBe(false);
  },
);
