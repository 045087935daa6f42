/** ConfigMaps and Secrets that change under real guests: real kubectl, scheduler, daemons and shims. */
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, TestCluster, type TestInstance } from "../support/cluster.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { runKubectl } from "../support/kubectl.ts";
import { deployment } from "../support/manifests.ts";

let cluster: TestCluster;
let image: string;

beforeAll(async () => {
  cluster = await TestCluster.start(["one"], { hostPaths: [guestFolder()] });
  image = await guestImage("reader");
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

async function kubectl(args: readonly string[], input = ""): Promise<string> {
  const { code, stdout, stderr } = await runKubectl(cluster.directory.kubeconfig, args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}:\n${stderr}`);
  return stdout;
}

async function applyConfig(
  kind: "ConfigMap" | "Secret",
  name: string,
  texts: Readonly<Record<string, string>>,
) {
  const field = kind === "Secret" ? "stringData" : "data";
  const object = { apiVersion: "v1", kind, metadata: { name }, [field]: texts };
  await kubectl(["apply", "-f", "-"], JSON.stringify(object));
}

interface Reading {
  readonly args?: readonly string[];
  readonly volume?: Readonly<Record<string, unknown>>;
  readonly template?: Readonly<Record<string, unknown>>;
  readonly replicas?: number;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A deployment whose instances read a volume at /config. */
async function read(
  name: string,
  { args = [], volume, template, replicas = 1, spec = {} }: Reading = {},
): Promise<void> {
  const source = volume ?? { configMap: { name } };
  await cluster.apply(
    deployment(replicas, {
      name,
      image,
      spec,
      template: {
        args: ["/config", ...args],
        volumes: [{ name: "v", ...source }],
        mounts: [{ volume: "v", path: "/config" }],
        terminationGracePeriodSeconds: 0,
        ...template,
      },
    }),
  );
}

async function of(owner: string): Promise<readonly TestInstance[]> {
  return (await cluster.instances()).filter(({ spec }) => spec.owner.name === owner);
}

async function remove(owner: string): Promise<void> {
  await cluster.wherry("delete", "wasmdeployment", owner);
}

/** What the one instance has printed; also while its node has no session. */
async function logOf(owner: string): Promise<string> {
  const { stdout, stderr, code } = await cluster.wherry("logs", `wasmdeployment/${owner}`);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

async function prints(owner: string, text: string, timeoutMs?: number): Promise<void> {
  await eventually(async () => expect(await logOf(owner)).toContain(text), timeoutMs);
}

/** A kubelet takes a minute or more; a second is usual here, unless the machine is busy with other tests. */
const soonMs = 20_000;

/** Its one instance is the one that it was, and has never been begun anew. */
async function isUntouched(owner: string, uid: string | undefined): Promise<void> {
  const [instance, ...others] = await of(owner);
  expect(others).toEqual([]);
  expect(instance).toMatchObject({ metadata: { uid }, status: { restarts: 0, phase: "Running" } });
}

test("ConfigMap: a change is in the mounted files within a second or so, without a restart", async () => {
  await applyConfig("ConfigMap", "plain", { a: "1", b: "1" });
  await read("plain");
  await prints("plain", "files: a=1 b=1\n");
  const [instance] = await of("plain");
  await applyConfig("ConfigMap", "plain", { a: "2", c: "new" });
  await prints("plain", "files: a=2 c=new\n", soonMs);
  await kubectl(["patch", "configmap", "plain", "--type=merge", "-p", '{"data":{"a":"3"}}']);
  await prints("plain", "files: a=3 c=new\n", soonMs);
  await isUntouched("plain", instance?.metadata.uid);
  await remove("plain");
});

test("Secret: the same, and its files are the daemon's user's alone", async () => {
  await applyConfig("Secret", "keys", { key: "old" });
  await read("keys", { volume: { secret: { secretName: "keys" } } });
  await prints("keys", "files: key=old\n");
  await applyConfig("Secret", "keys", { key: "new" });
  await prints("keys", "files: key=new\n");
  const templates = join(cluster.directory.node("one"), "templates");
  const folder = readdirSync(templates)
    .map((id) => join(templates, id, "v"))
    .find((path) => existsSync(join(path, "key")) && readFileSync(join(path, "key"), "utf8") === "new");
  const version = join(folder ?? "", readlinkSync(join(folder ?? "", "..data")));
  expect(statSync(version).mode & 0o777).toBe(0o700);
  expect(statSync(join(version, "key")).mode & 0o777).toBe(0o400);
  await remove("keys");
  // And nothing is left of it.
  await eventually(async () => {
    await Promise.resolve();
    expect(existsSync(folder ?? "")).toBe(false);
  });
});

test("two hundred changes under a guest that reads as fast as it can: every version it sees is whole", async () => {
  const textOf = (version: number) => `${String(version).padStart(8, "0")}\n`.repeat(2_000);
  await applyConfig("ConfigMap", "race", { text: textOf(0) });
  await read("race", { args: ["race"] });
  await prints("race", "version 00000000\n");
  for (let version = 1; version <= 200; version++) {
    const object = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "race" },
      data: { text: textOf(version) },
    };
    await kubectl(["replace", "-f", "-"], JSON.stringify(object));
  }
  await kubectl(["patch", "configmap", "race", "-p", JSON.stringify({ data: { text: textOf(99_999_999) } })]);
  await prints("race", "done reads=");
  const log = await logOf("race");
  expect(log).not.toMatch(/[A-Z]{4}/);
  const { reads, versions } =
    /reads=(?<reads>\d+) versions=(?<versions>\d+) torn=0 missing=0 kept=00000000/.exec(log)?.groups ?? {
      reads: "0",
      versions: "0",
    };
  expect(Number(versions)).toBeGreaterThan(50);
  expect(Number(reads)).toBeGreaterThan(1_000);
  await remove("race");
}, 300_000);

test("kill -9 of the daemon: what changes meanwhile arrives afterwards, under the same run", async () => {
  await applyConfig("ConfigMap", "daemon", { a: "1" });
  await read("daemon");
  await prints("daemon", "files: a=1\n");
  const [instance] = await of("daemon");
  await cluster.killNode("one");
  await applyConfig("ConfigMap", "daemon", { a: "2" });
  await cluster.startNode("one");
  await prints("daemon", "files: a=2\n");
  // Killed right after a change, too: it has it on its disk or gets it again.
  for (let version = 3; version < 8; version++) {
    await applyConfig("ConfigMap", "daemon", { a: String(version) });
    await cluster.killNode("one");
    await cluster.startNode("one");
    await prints("daemon", `files: a=${version}\n`);
  }
  await isUntouched("daemon", instance?.metadata.uid);
  await remove("daemon");
});

test("kill -9 of the scheduler: a change that it had no time to send is sent by the next one", async () => {
  await applyConfig("ConfigMap", "scheduler", { a: "1" });
  await read("scheduler");
  await prints("scheduler", "files: a=1\n");
  const [instance] = await of("scheduler");
  for (let version = 2; version < 5; version++) {
    await applyConfig("ConfigMap", "scheduler", { a: String(version) });
    await cluster.killScheduler();
    await cluster.startScheduler();
    await prints("scheduler", `files: a=${version}\n`);
  }
  await isUntouched("scheduler", instance?.metadata.uid);
  await remove("scheduler");
});

test("what is optional appears and goes; what is required and gone leaves the files, and an event says so", async () => {
  await read("maybe", { volume: { configMap: { name: "maybe", optional: true } } });
  await prints("maybe", "files:\n");
  await applyConfig("ConfigMap", "maybe", { a: "1" });
  await prints("maybe", "files: a=1\n");
  await kubectl(["delete", "configmap", "maybe"]);
  await eventually(async () => expect((await logOf("maybe")).endsWith("files:\n")).toBe(true));
  await remove("maybe");

  await applyConfig("ConfigMap", "must", { a: "1" });
  await read("must");
  await prints("must", "files: a=1\n");
  await kubectl(["delete", "configmap", "must"]);
  await eventually(async () => {
    const events = await kubectl(["get", "events", "--field-selector", "reason=FailedMount"]);
    expect(events).toContain("ConfigMap must does not exist");
  });
  expect((await logOf("must")).trim().split("\n")).toEqual(["files: a=1"]);
  await applyConfig("ConfigMap", "must", { a: "2" });
  await prints("must", "files: a=2\n");
  await remove("must");
});

test("an instance that waits for a ConfigMap starts by itself; its variables stay, its files change", async () => {
  const env = [{ name: "KEY", valueFrom: { configMapKeyRef: { name: "late", key: "a" } } }];
  await read("late", { template: { env } });
  await eventually(async () => expect((await of("late"))[0]?.status.reason).toBe("ConfigMapNotFound"));
  await applyConfig("ConfigMap", "late", { a: "1" });
  await prints("late", "variable KEY=1\nfiles: a=1\n");
  await applyConfig("ConfigMap", "late", { a: "2" });
  await prints("late", "files: a=2\n");
  expect(await logOf("late")).not.toContain("variable KEY=2");
  await remove("late");
});

test("rolloutOnConfigChange: a burst of changes is one rollout, a deletion none, and files change at once", async () => {
  await applyConfig("ConfigMap", "rolled", { a: "1" });
  await applyConfig("Secret", "rolled", { key: "1" });
  const env = [{ name: "KEY", valueFrom: { secretKeyRef: { name: "rolled", key: "key" } } }];
  await read("rolled", { replicas: 3, template: { env }, spec: { rolloutOnConfigChange: true } });
  await eventually(async () => {
    expect((await of("rolled")).map(({ status }) => status.display)).toEqual([
      "Running",
      "Running",
      "Running",
    ]);
  });
  const uids = async () => (await of("rolled")).map(({ metadata }) => metadata.uid);
  const revisions = async () => {
    const list = JSON.parse(await kubectl(["get", "controllerrevisions", "-o", "json"])) as {
      items: readonly { metadata: { ownerReferences: readonly { name: string }[] } }[];
    };
    return list.items.filter(({ metadata }) => metadata.ownerReferences[0]?.name === "rolled").length;
  };
  const before = await uids();
  expect(await revisions()).toBe(1);
  for (const text of ["2", "3", "4"]) {
    await applyConfig("ConfigMap", "rolled", { a: text });
    await applyConfig("Secret", "rolled", { key: text });
  }
  await eventually(async () => {
    const after = await uids();
    expect(after).toHaveLength(3);
    expect(after.filter((uid) => before.includes(uid))).toEqual([]);
  });
  await prints("rolled", "variable KEY=4\n");
  await prints("rolled", "files: a=4\n");
  expect(await revisions()).toBe(2);

  const settled = await uids();
  await kubectl(["delete", "secret", "rolled"]);
  await applyConfig("ConfigMap", "rolled", { a: "5" });
  // Its files change although a variable of new instances could not be filled in.
  await prints("rolled", "files: a=5\n");
  await cluster.killScheduler();
  await cluster.startScheduler();
  await applyConfig("ConfigMap", "rolled", { a: "6" });
  await prints("rolled", "files: a=6\n");
  expect((await uids()).toSorted()).toEqual(settled.toSorted());
  expect(await revisions()).toBe(2);
  await remove("rolled");
});
