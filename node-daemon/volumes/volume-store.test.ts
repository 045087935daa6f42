import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  rmdir,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { VolumeContent } from "../core/assignment.ts";
import type { ConfiguredMount, VolumeSource } from "../core/instance-config.ts";
import { AllowedRoots } from "./allowed-roots.ts";
import { openDirectoryCapability } from "../wasi/preview1.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { VolumeStore } from "./volume-store.ts";

let root: string;
let store: VolumeStore;
let clock: FakeClock;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "wherry-volumes-")));
  await mkdir(join(root, "allowed", "data"), { recursive: true });
  await mkdir(join(root, "allowed-not"));
  await symlink(join(root, "allowed-not"), join(root, "allowed", "escape"));
  await writeFile(join(root, "allowed", "file"), "");
  clock = new FakeClock(1_000_000);
  store = new VolumeStore(
    join(root, "state"),
    new AllowedRoots([
      { path: join(root, "allowed") },
      { namespace: "team", path: join(root, "allowed-not") },
    ]),
    clock,
    silentLog,
  );
});
afterEach(() => rm(root, { recursive: true, force: true }));

function mountOf(source: VolumeSource, readOnly = false): ConfiguredMount {
  return { volume: "v", source, guestPath: "/v", readOnly };
}

function mount(
  source: VolumeSource,
  contents: readonly VolumeContent[] = [],
  templateId = "t1",
  namespace = "default",
) {
  return store.mount({
    uid: "u1",
    namespace,
    templateId,
    mounts: [mountOf(source)],
    contents: () => contents,
  });
}

const file = (path: string, text: string) => ({ path, data: Buffer.from(text) });
const secret: VolumeContent = { volume: "v", secret: true, files: [file("key", "k"), file("deep/er", "d")] };
const content = { kind: "content", secret: true } as const;

test("mount: a directory under an allowed root", async () => {
  const outcome = await mount({ kind: "hostPath", path: join(root, "allowed", "data") });
  expect(outcome).toEqual({
    kind: "mounted",
    mounts: [{ guestPath: "/v", hostPath: join(root, "allowed", "data"), readOnly: false }],
  });
});

test("mount: a relative path is below the first allowed root", async () => {
  const outcome = await mount({ kind: "hostPath", path: "data" });
  expect(outcome).toMatchObject({ kind: "mounted", mounts: [{ hostPath: join(root, "allowed", "data") }] });
});

test.each([
  { name: "the reserved folder", path: "allowed/keys" },
  { name: "a folder inside it", path: "allowed/keys/deep" },
  { name: "a folder that contains it", path: "allowed" },
])("mount: $name is refused although it is under an allowed root", async ({ path }) => {
  await mkdir(join(root, "allowed", "keys", "deep"), { recursive: true });
  const roots = new AllowedRoots([{ path: join(root, "allowed") }], [join(root, "allowed", "keys")]);
  store = new VolumeStore(join(root, "state"), roots, clock, silentLog);
  const outcome = await mount({ kind: "hostPath", path: join(root, path) });
  expect(outcome).toMatchObject({ kind: "failed", reason: "HostPathNotAllowed" });
  expect(outcome.kind === "failed" && outcome.message).toContain("keeps its keys");
});

test.each([
  {
    name: "a sibling with the root's name as prefix",
    path: "allowed-not",
    reason: "HostPathNotAllowed",
    says: "--allow-host-path",
  },
  {
    name: "a way out with ..",
    path: "allowed/../allowed-not",
    reason: "HostPathNotAllowed",
    says: "allowed-not",
  },
  {
    name: "a symlink that leads out",
    path: "allowed/escape",
    reason: "HostPathNotAllowed",
    says: "/allowed;",
  },
  { name: "a file", path: "allowed/file", reason: "MountFailed", says: "not a directory" },
  { name: "a missing directory", path: "allowed/none", reason: "MountFailed", says: "create it" },
])("mount: $name is refused", async ({ path, reason, says }) => {
  const outcome = await mount({ kind: "hostPath", path: `${root}/${path}` });
  expect(outcome).toMatchObject({ kind: "failed", reason, retryable: false });
  expect(outcome.kind === "failed" && outcome.message).toContain(says);
});

test("mount: an emptyDir stays with its instance and goes with it", async () => {
  const outcome = await mount({ kind: "emptyDir" });
  const folder = outcome.kind === "mounted" ? (outcome.mounts[0]?.hostPath ?? "") : "";
  expect(folder).toBe(join(root, "state", "instances", "u1", "volumes", "v"));
  await writeFile(join(folder, "x"), "kept");
  await mount({ kind: "emptyDir" });
  expect(await readFile(join(folder, "x"), "utf8")).toBe("kept");
  await store.removeInstance("u1");
  await expect(stat(folder)).rejects.toThrow("ENOENT");
});

test.each([
  ["an emptyDir", { kind: "emptyDir" }],
  ["a secret", content],
] as const)(
  "mount: %s in a state folder that is a symlink is given by its real path",
  async (_name, source) => {
    await mkdir(join(root, "elsewhere"));
    await symlink(join(root, "elsewhere"), join(root, "state"));
    const outcome = await mount(source, [secret]);
    const folder = outcome.kind === "mounted" ? (outcome.mounts[0]?.hostPath ?? "") : "";
    expect(folder.startsWith(join(root, "elsewhere"))).toBe(true);
    openDirectoryCapability(folder).release();
  },
);

test("mount: a secret is written once for its template, for the daemon's user alone", async () => {
  const [first, second] = await Promise.all([mount(content, [secret]), mount(content, [secret])]);
  expect(first).toEqual(second);
  const folder = join(root, "state", "templates", "t1", "v");
  expect(await readFile(join(folder, "deep", "er"), "utf8")).toBe("d");
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, "key"))).mode & 0o777).toBe(0o400);
  expect(await readdir(join(root, "state", "templates", "t1"))).toEqual(["v"]);
});

test("removeTemplate: its files go, and come back with the template", async () => {
  await mount(content, [secret]);
  const removed = store.removeTemplate("t1");
  const again = await mount(content, [secret]);
  await removed;
  expect(again.kind).toBe("mounted");
  expect(await readFile(join(root, "state", "templates", "t1", "v", "key"), "utf8")).toBe("k");
});

test("sweepTemplates: removes what nobody uses", async () => {
  await mount(content, [secret], "used");
  await mount(content, [secret], "old");
  await store.sweepTemplates(["used"]);
  expect(await readdir(join(root, "state", "templates"))).toEqual(["used"]);
});

test("mount: a template id never becomes a path of its own", async () => {
  await mount(content, [secret], "../../x");
  expect(await readdir(join(root, "state", "templates"))).toHaveLength(1);
});

test.each(["../x", "/abs", "a/../../b", "a//b", "", "."])(
  "mount: the file path %j is refused",
  async (path) => {
    const outcome = await mount(content, [{ volume: "v", secret: false, files: [file(path, "x")] }]);
    expect(outcome).toMatchObject({ kind: "failed", reason: "ConfigInvalid" });
  },
);

test("mount: a root of one namespace is given to it and to no other, and relative paths are below the first of its own", async () => {
  const source = { kind: "hostPath", path: join(root, "allowed-not") } as const;
  expect(await mount(source, [], "t1", "team")).toMatchObject({ kind: "mounted" });
  const refused = await mount(source);
  expect(refused).toMatchObject({ kind: "failed", reason: "HostPathNotAllowed" });
  expect(refused.kind === "failed" && refused.message).toContain(
    `allows namespace default ${join(root, "allowed")};`,
  );
});

test("mount: an emptyDir hands on its size limit", async () => {
  const outcome = await mount({ kind: "emptyDir", sizeBytesMax: 1024 });
  expect(outcome).toMatchObject({ kind: "mounted", mounts: [{ sizeBytesMax: 1024 }] });
});

const changed: VolumeContent = { volume: "v", secret: true, files: [file("key", "new"), file("more", "m")] };
const folderOf = (templateId = "t1") => join(root, "state", "templates", templateId, "v");
const versions = async (templateId = "t1") =>
  (await readdir(folderOf(templateId))).filter((name) => name.startsWith("..2") || name.startsWith("..1"));

/** Waits for what files do by themselves. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(setImmediate);
}

test("updateTemplate: the folder that is mounted shows the new files, and the old ones go a little later", async () => {
  await mount(content, [secret]);
  const { ino } = await stat(folderOf());
  const [old] = await versions();
  await store.updateTemplate("t1", [changed]);
  expect((await stat(folderOf())).ino).toBe(ino);
  expect((await readdir(folderOf())).filter((name) => !name.startsWith("..")).toSorted()).toEqual([
    "key",
    "more",
  ]);
  expect(await readFile(join(folderOf(), "key"), "utf8")).toBe("new");
  expect(await readFile(join(folderOf(), old ?? "", "key"), "utf8")).toBe("k");
  clock.advance(2_000);
  await until(async () => (await versions()).length === 1);
});

test("updateTemplate: of a burst the newest is shown in the end, and few old versions stay", async () => {
  await mount(content, [secret]);
  const updates = Array.from({ length: 50 }, (_, at) =>
    store.updateTemplate("t1", [{ ...secret, files: [file("key", String(at))] }]),
  );
  await Promise.all(updates);
  expect(await readFile(join(folderOf(), "key"), "utf8")).toBe("49");
  expect((await versions()).length).toBeLessThan(5);
  for (let at = 0; at < 30; at++) {
    await store.updateTemplate("t1", [{ ...secret, files: [file("key", `again ${at}`)] }]);
  }
  await until(async () => (await versions()).length <= 9);
});

test("updateTemplate: a process that finds the folder shows the newest of a burst, too", async () => {
  const burst = 30;
  await mount(content, [secret]);
  for (let round = 0; round < 10; round++) {
    const next = new VolumeStore(join(root, "state"), new AllowedRoots([]), clock, silentLog);
    const updates = Array.from({ length: burst }, (_, at) =>
      next.updateTemplate("t1", [{ ...secret, files: [file("key", `${round} ${at}`)] }]),
    );
    await Promise.all(updates);
    expect(await readFile(join(folderOf(), "key"), "utf8")).toBe(`${round} ${burst - 1}`);
    next.close();
  }
});

test("updateTemplate: what nobody has mounted is not written", async () => {
  await store.updateTemplate("t1", [changed]);
  await expect(stat(folderOf())).rejects.toThrow("ENOENT");
  await mount(content, [secret]);
  await store.removeTemplate("t1");
  await store.updateTemplate("t1", [changed]);
  await expect(stat(folderOf())).rejects.toThrow("ENOENT");
});

test("updateTemplate: a path that is refused leaves the old files", async () => {
  await mount(content, [secret]);
  await store.updateTemplate("t1", [{ ...secret, files: [file("../../out", "x"), file("key", "new")] }]);
  expect(await readFile(join(folderOf(), "key"), "utf8")).toBe("k");
});

test("updateTemplate: one that fails is tried again, unless there is a newer one", async () => {
  await mount(content, [secret]);
  const data = join(folderOf(), "..data");
  const target = await readlink(data);
  const failing = async (text: string) => {
    await rm(data);
    await mkdir(data);
    await store.updateTemplate("t1", [{ ...secret, files: [file("key", text)] }]);
    await rmdir(data);
    await symlink(target, data);
    expect(await readFile(join(folderOf(), "key"), "utf8")).toBe("k");
  };
  await failing("again");
  clock.advance(5_000);
  await until(async () => (await readFile(join(folderOf(), "key"), "utf8")) === "again");
  await store.updateTemplate("t1", [secret]);
  await failing("too late");
  await store.updateTemplate("t1", [changed]);
  clock.advance(5_000);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(await readFile(join(folderOf(), "key"), "utf8")).toBe("new");
});

test("mount: what a process before has left half done is made right", async () => {
  await mount(content, [secret]);
  await writeFile(join(folderOf(), "stray"), "");
  const second = new VolumeStore(join(root, "state"), new AllowedRoots([]), clock, silentLog);
  const request = { uid: "u2", namespace: "default", templateId: "t1", mounts: [mountOf(content)] };
  await second.mount({ ...request, contents: () => [changed] });
  expect(await readFile(join(folderOf(), "key"), "utf8")).toBe("new");
  expect((await readdir(folderOf())).filter((name) => !name.startsWith("..")).toSorted()).toEqual([
    "key",
    "more",
  ]);
});

test("updateTemplate: after a restart, too, when only running instances use the volume", async () => {
  await mount(content, [secret]);
  const second = new VolumeStore(join(root, "state"), new AllowedRoots([]), clock, silentLog);
  await second.updateTemplate("t1", [changed]);
  expect(await readFile(join(folderOf(), "key"), "utf8")).toBe("new");
});

test("mount: the plain folder of an older daemon stays as it is", async () => {
  await mkdir(folderOf(), { recursive: true });
  await writeFile(join(folderOf(), "key"), "plain");
  expect(await mount(content, [secret])).toMatchObject({ kind: "mounted" });
  expect(await readdir(folderOf())).toEqual(["key"]);
});
