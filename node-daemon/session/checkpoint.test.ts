import { mkdtemp, rm, stat } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { assigned } from "../core/lifecycle.ts";
import { buildAssignment, buildTemplate } from "../testing/builders.ts";
import { openCheckpoint } from "./checkpoint.ts";

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

test("openCheckpoint: a file of another version is refused and left alone", () => {
  const database = new DatabaseSync(file());
  database.exec("PRAGMA user_version = 99");
  database.close();
  expect(() => openCheckpoint(file())).toThrow(/schema 99/);
});
