import { mkdtemp, rm, stat } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { serialize } from "node:v8";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { assigned } from "../core/lifecycle.ts";
import { buildAssignment, buildTemplate } from "../testing/builders.ts";
import { type Checkpoint, type CheckpointChange, openCheckpoint } from "./checkpoint.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wherry-checkpoint-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const file = () => join(folder, "daemon.db");

const { lifecycle } = assigned({
  restart: "Always",
  stopNotice: "none",
  heldBack: "nothing",
  hasPreStop: false,
});
const files = [{ path: "a", data: Buffer.from("x") }];
const template = buildTemplate({}, { contents: [{ volume: "v", secret: true, files }] });

test("openCheckpoint: what was committed is there after a restart", () => {
  const first = openCheckpoint(file());
  const slot = { index: 2, attempt: 1 };
  first.commit([
    { kind: "putTemplate", template },
    { kind: "putInstance", instance: { assignment: buildAssignment({ slot }), lifecycle } },
    { kind: "putInstance", instance: { assignment: buildAssignment({ uid: "gone" }), lifecycle } },
  ]);
  first.commit([{ kind: "removeInstance", uid: "gone" }]);
  first.saveMeta({ epoch: 5, stopDisconnectedAfterMs: 900 });
  first.close();
  const second = openCheckpoint(file());
  expect(second.loadInstances()).toMatchObject([
    { assignment: { uid: "uid-1", slot }, lifecycle: { sequence: 1 } },
  ]);
  expect(second.loadTemplates().map(({ id }) => id)).toEqual(["template-1"]);
  expect(Buffer.from(second.loadContents("template-1")[0]?.files[0]?.data ?? []).toString()).toBe("x");
  expect(second.loadMeta()).toEqual({ epoch: 5, stopDisconnectedAfterMs: 900 });
  second.close();
});

test("openCheckpoint: a fresh one knows nothing, and is its user's alone", async () => {
  const checkpoint = openCheckpoint(file());
  expect(checkpoint.loadMeta()).toEqual({ epoch: 0, stopDisconnectedAfterMs: undefined });
  expect(checkpoint.loadContents("none")).toEqual([]);
  expect((await stat(file())).mode & 0o777).toBe(0o600);
  checkpoint.close();
});

test("commit: all or nothing", () => {
  const checkpoint = openCheckpoint(file());
  const bad = { ...template, id: "bad", specJson: undefined as unknown as Uint8Array };
  expect(() =>
    checkpoint.commit([
      { kind: "putTemplate", template },
      { kind: "putTemplate", template: bad },
    ]),
  ).toThrow();
  expect(checkpoint.loadTemplates()).toEqual([]);
  checkpoint.close();
});

const instance = (uid: string, sequence = 0) => ({
  assignment: buildAssignment({ uid }),
  lifecycle: { ...lifecycle, sequence },
});
const put = (uid: string, sequence = 0) =>
  ({ kind: "putInstance", instance: instance(uid, sequence) }) as const;
const remove = (uid: string) => ({ kind: "removeInstance", uid }) as const;
const bad = {
  kind: "putTemplate",
  template: { ...template, specJson: undefined as unknown as Uint8Array },
} as const;

test.each<{ name: string; commits: readonly (readonly CheckpointChange[])[]; left: Record<string, number> }>([
  {
    name: "the last of several puts",
    commits: [[put("a"), put("b")], [put("a", 1)], [put("a", 2)]],
    left: { a: 2, b: 0 },
  },
  { name: "removed", commits: [[put("a"), put("b")], [remove("a")]], left: { b: 0 } },
  { name: "put and removed at once", commits: [[put("a"), remove("a"), put("b")]], left: { b: 0 } },
  {
    name: "removed and put at once",
    commits: [[put("a")], [remove("a"), put("a", 1)], [put("a", 2)]],
    left: { a: 2 },
  },
  {
    name: "removed, and put later",
    commits: [[put("a"), put("b")], [remove("a")], [put("c")], [put("a", 1)]],
    left: { a: 1, b: 0, c: 0 },
  },
  { name: "one that was never there is removed", commits: [[remove("a"), put("b")]], left: { b: 0 } },
  { name: "a put that failed, again", commits: [[put("a"), bad], [put("a", 1)]], left: { a: 1 } },
  { name: "a removal that failed", commits: [[put("a")], [remove("a"), bad]], left: { a: 0 } },
  {
    name: "a removal that failed, again",
    commits: [[put("a")], [remove("a"), bad], [remove("a")]],
    left: {},
  },
])("commit: $name", ({ commits, left }) => {
  const found = (checkpoint: Checkpoint) =>
    Object.fromEntries(checkpoint.loadInstances().map((one) => [one.assignment.uid, one.lifecycle.sequence]));
  // The same by one daemon, and by one for each commit.
  for (const isRestarted of [false, true]) {
    const path = join(folder, `${isRestarted}.db`);
    let checkpoint = openCheckpoint(path);
    for (const changes of commits) {
      if (changes.includes(bad)) expect(() => checkpoint.commit(changes)).toThrow();
      else checkpoint.commit(changes);
      if (!isRestarted) continue;
      checkpoint.close();
      checkpoint = openCheckpoint(path);
    }
    expect(found(checkpoint)).toEqual(left);
    checkpoint.close();
  }
});

test("openCheckpoint: takes over what the version before has written", () => {
  const database = new DatabaseSync(file());
  database.exec(`
    CREATE TABLE instances (uid TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE templates (id TEXT PRIMARY KEY, spec BLOB NOT NULL, contents BLOB NOT NULL) STRICT;
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('epoch', 7);
    PRAGMA user_version = 2`);
  const insert = database.prepare("INSERT INTO instances VALUES (?, ?)");
  for (const uid of ["b", "a"]) insert.run(uid, JSON.stringify(instance(uid, 3)));
  database.close();
  const upgraded = openCheckpoint(file());
  upgraded.commit([put("a", 4), put("c")]);
  upgraded.close();
  const again = openCheckpoint(file());
  const sequence = again.loadInstances().map((one) => [one.assignment.uid, one.lifecycle.sequence]);
  expect(sequence).toEqual([
    ["a", 4],
    ["b", 3],
    ["c", 0],
  ]);
  expect(again.loadMeta().epoch).toBe(7);
  again.close();
});

test("openCheckpoint: templates of the version before have contents without an id", () => {
  const database = new DatabaseSync(file());
  database.exec(`
    CREATE TABLE instances (id INTEGER PRIMARY KEY, uid TEXT NOT NULL, value TEXT NOT NULL) STRICT;
    CREATE TABLE templates (id TEXT PRIMARY KEY, spec BLOB NOT NULL, contents BLOB NOT NULL) STRICT;
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 3`);
  database.prepare("INSERT INTO templates VALUES ('old', ?, ?)").run(template.specJson, serialize([]));
  database.close();
  const upgraded = openCheckpoint(file());
  upgraded.commit([{ kind: "putTemplate", template: { ...template, contentsId: "c1" } }]);
  upgraded.close();
  const again = openCheckpoint(file());
  expect(again.loadTemplates()).toMatchObject([
    { id: "old", contentsId: "" },
    { id: "template-1", contentsId: "c1" },
  ]);
  again.close();
});

test("putGatewayFact: what was told last is there after a restart", () => {
  const first = openCheckpoint(file());
  const fact = (id: string, json: string) => ({ about: "route", id, json }) as const;
  first.commit([
    { kind: "putGatewayFact", fact: fact("a", "1") },
    { kind: "putGatewayFact", fact: fact("b", "1") },
    { kind: "putGatewayFact", fact: { ...fact("b", "1"), about: "workload" } },
  ]);
  first.commit([
    { kind: "putGatewayFact", fact: fact("a", "2") },
    { kind: "removeGatewayFact", about: "route", id: "b" },
    { kind: "removeGatewayFact", about: "route", id: "none" },
  ]);
  first.close();
  const second = openCheckpoint(file());
  expect(second.loadGatewayFacts()).toEqual([fact("a", "2"), { ...fact("b", "1"), about: "workload" }]);
  second.close();
});

test("putContents: a template's files are others, also after a restart", () => {
  const first = openCheckpoint(file());
  first.commit([{ kind: "putTemplate", template: { ...template, contentsId: "c1" } }]);
  const contents = [{ volume: "v", secret: true, files: [{ path: "a", data: Buffer.from("y") }] }];
  first.commit([
    { kind: "putContents", contents: { templateId: "template-1", contentsId: "c2", contents } },
    { kind: "putContents", contents: { templateId: "none", contentsId: "c2", contents } },
  ]);
  // A volume that is not named keeps its files.
  const others = [{ volume: "w", secret: false, files: [{ path: "b", data: Buffer.from("z") }] }];
  first.commit([
    { kind: "putContents", contents: { templateId: "template-1", contentsId: "c3", contents: others } },
  ]);
  first.close();
  const second = openCheckpoint(file());
  expect(second.loadTemplates()).toMatchObject([{ id: "template-1", contentsId: "c3" }]);
  const texts = second
    .loadContents("template-1")
    .map(({ volume, files: [one] }) => `${volume} ${Buffer.from(one?.data ?? []).toString()}`);
  expect(texts).toEqual(["v y", "w z"]);
  expect(second.loadContents("none")).toEqual([]);
  second.close();
});

test("openCheckpoint: a file of another version is refused and left alone", () => {
  const database = new DatabaseSync(file());
  database.exec("PRAGMA user_version = 99");
  database.close();
  expect(() => openCheckpoint(file())).toThrow(/schema 99/);
});
