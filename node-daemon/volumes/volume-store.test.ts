import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { VolumeContent } from "../core/assignment.ts";
import type { ConfiguredMount, VolumeSource } from "../core/instance-config.ts";
import { AllowedRoots } from "./allowed-roots.ts";
import { openDirectoryCapability } from "../wasi/preview1.ts";
import { VolumeStore } from "./volume-store.ts";

let root: string;
let store: VolumeStore;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "wherry-volumes-")));
  await mkdir(join(root, "allowed", "data"), { recursive: true });
  await mkdir(join(root, "allowed-not"));
  await symlink(join(root, "allowed-not"), join(root, "allowed", "escape"));
  await writeFile(join(root, "allowed", "file"), "");
  store = new VolumeStore(
    join(root, "state"),
    new AllowedRoots([
      { path: join(root, "allowed") },
      { namespace: "team", path: join(root, "allowed-not") },
    ]),
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
  store = new VolumeStore(join(root, "state"), roots);
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
