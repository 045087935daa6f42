/** What a daemon does about files of templates that change, spoken to by a scheduler of the test's own. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Daemon } from "./daemon.ts";
import { openCheckpoint } from "./session/checkpoint.ts";
import { writeAssignment } from "./session/wire.ts";
import { buildAssignment, buildTemplate } from "./testing/builders.ts";
import { TestAuthority, type TlsFiles } from "./testing/certificates.ts";
import { FakeDriver } from "./testing/fake-driver.ts";
import { startTestDaemon } from "./testing/start-daemon.ts";
import { TestScheduler } from "./testing/test-scheduler.ts";

let nodeTls: TlsFiles;
let schedulerTls: TlsFiles;
beforeAll(async () => {
  const authority = await TestAuthority.make();
  nodeTls = await authority.issue("system:node:n1");
  schedulerTls = await authority.issue("wherry-scheduler");
});

let root: string;
let scheduler: TestScheduler;
let driver: FakeDriver;
let daemon: Daemon;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "wherry-contents-"));
  await mkdir(join(root, "modules"));
  await writeFile(join(root, "modules", "app.wasm"), "module bytes");
  scheduler = new TestScheduler();
  await scheduler.listen(schedulerTls);
  driver = new FakeDriver();
  await startDaemon();
});
afterEach(async () => {
  await daemon.leave();
  scheduler.stop();
  await rm(root, { recursive: true, force: true });
});

async function startDaemon(): Promise<void> {
  daemon = await startTestDaemon({ root, port: scheduler.port, tls: nodeTls, driver });
}

async function connect() {
  const session = await scheduler.session();
  session.welcome();
  await session.inventory();
  return session;
}

const volumeOf = (text: string) => ({
  volume: "v",
  files: [{ path: "key", data: Buffer.from(text) }],
});

/** Instances that mount a ConfigMap at /v, whose contents are what `text` says. */
function assignWithFiles(uids: readonly string[], contentsId: string, text: string) {
  const { specJson } = buildTemplate({
    module: { image: `file://${root}/modules/app.wasm` },
    volumes: [{ name: "v", configMap: { name: "c", optional: false } }],
    mounts: [{ volume: "v", path: "/v", readOnly: false }],
  });
  const template = { id: "template-1", specJson: Buffer.from(specJson), contentsId };
  const assignments = uids.map((uid) => writeAssignment(buildAssignment({ uid, name: uid })));
  return { assign: { templates: [{ ...template, contents: [volumeOf(text)] }], assignments } };
}

const updateMessage = (contentsId: string, text: string, templateId = "template-1") => ({
  updateContents: { templates: [{ templateId, contentsId, contents: [volumeOf(text)] }] },
});

const keyFile = () => join(root, "state", "templates", "template-1", "v", "key");

async function untilKeyIs(text: string): Promise<void> {
  while ((await readFile(keyFile(), "utf8").catch(() => "")) !== text) await new Promise(setImmediate);
}

/** What it says of contents in its inventory. */
async function connectAndReadContents() {
  const session = await connect();
  const told = session.received.all.flatMap((message) => message.contents?.templates ?? []);
  return { session, told };
}

test("Daemon: files change under what runs, and the next session and the next daemon know which they are", async () => {
  const first = await scheduler.session();
  first.welcome();
  const hello = await first.received.first(({ hello }) => hello ?? undefined);
  expect(hello.updatesContents).toBe(true);
  await first.inventory();
  first.send(assignWithFiles(["a"], "c1", "old"));
  await first.status("a", (phase) => phase === "Running");
  await untilKeyIs("old");
  const mounted = driver.runs.get("a/0")?.spec.mounts;
  expect(mounted).toMatchObject([{ guestPath: "/v", readOnly: true, hostPath: join(keyFile(), "..") }]);
  first.send(updateMessage("c2", "new"));
  await untilKeyIs("new");
  first.end();
  const second = await connectAndReadContents();
  expect(second.told).toEqual([{ templateId: "template-1", contentsId: "c2" }]);
  // A later instance of the same template brings newer files.
  second.session.send(assignWithFiles(["b"], "c3", "newer"));
  await untilKeyIs("newer");
  await daemon.leave();
  await startDaemon();
  const third = await connectAndReadContents();
  expect(third.told).toEqual([{ templateId: "template-1", contentsId: "c3" }]);
});

test("Daemon: killed before it has changed the files, the next one does it", async () => {
  const session = await connect();
  session.send(assignWithFiles(["a"], "c1", "old"));
  await session.status("a", (phase) => phase === "Running");
  await daemon.leave();
  const checkpoint = openCheckpoint(join(root, "state", "daemon.db"));
  const contents = [{ ...volumeOf("new"), secret: false }];
  checkpoint.commit([
    { kind: "putContents", contents: { templateId: "template-1", contentsId: "c2", contents } },
  ]);
  checkpoint.close();
  expect(await readFile(keyFile(), "utf8")).toBe("old");
  await startDaemon();
  await untilKeyIs("new");
});

test("Daemon: a template whose files cannot be read back ends nobody", async () => {
  const session = await connect();
  session.send(assignWithFiles(["a"], "c1", "old"));
  await session.status("a", (phase) => phase === "Running");
  await daemon.leave();
  const database = new DatabaseSync(join(root, "state", "daemon.db"));
  database.exec("UPDATE templates SET contents = x'0102'");
  database.close();
  await startDaemon();
  expect((await connectAndReadContents()).told).toEqual([{ templateId: "template-1", contentsId: "c1" }]);
});

test("Daemon: files without an id, as an older scheduler sends them, are never changed", async () => {
  const session = await connect();
  session.send(assignWithFiles(["a"], "", "old"));
  await session.status("a", (phase) => phase === "Running");
  session.send(updateMessage("c2", "new"));
  session.send(updateMessage("c2", "new", "none"));
  session.send(assignWithFiles(["b"], "c2", "new"));
  await session.status("b", (phase) => phase === "Running");
  expect(await readFile(keyFile(), "utf8")).toBe("old");
  session.end();
  expect((await connectAndReadContents()).told).toEqual([]);
});

test.each([
  { name: "without an id", message: updateMessage("", "new") },
  {
    name: "of a volume that no folder can be named by",
    message: {
      updateContents: {
        templates: [
          { templateId: "template-1", contentsId: "c2", contents: [{ volume: "../../x", files: [] }] },
        ],
      },
    },
  },
])("Daemon: contents $name end the session", async ({ message }) => {
  const session = await connect();
  session.send(message);
  await session.ended.promise;
});
