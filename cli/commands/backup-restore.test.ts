import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, expect, test } from "vitest";
import { runCommandLine } from "../command-line.ts";
import { LocalCertificates } from "../local/certificates.ts";
import { writeLocalKubeconfig } from "../local/kubeconfig.ts";
import { StateLock } from "../local/lock.ts";
import { openStateDirectory } from "../local/state-directory.ts";
import { TestApiServer } from "../testing/test-api-server.ts";
import { TestTerminal } from "../testing/test-terminal.ts";

let folder: string;
let server: TestApiServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "wherry-backup-"));
  const state = openStateDirectory(join(folder, ".wherry"));
  const files = await new LocalCertificates(state.pki, () => Date.now()).scheduler(["127.0.0.1"]);
  server = await TestApiServer.start(files);
  writeLocalKubeconfig(state.kubeconfig, { server: server.url, caFile: files.ca, token: server.token });
  server.backup.content = makeStore(join(folder, "original"));
  rmSync(join(folder, "original"));
  return async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
});

/** A store as the scheduler of an earlier version made them; the command line cannot make a present one. */
function makeStore(file: string): Buffer {
  const db = new DatabaseSync(file);
  db.exec(`
    CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE entry (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE history (id INTEGER PRIMARY KEY);
    INSERT INTO counter VALUES ('revision', 1), ('compacted', 0), ('layout', 1);
    INSERT INTO entry VALUES ('/registry/a', '{}', 1);
  `);
  db.close();
  return readFileSync(file);
}

async function run(args: string) {
  const terminal = new TestTerminal(folder);
  const code = await runCommandLine(args.split(" "), terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

test("backup: writes what the server sends, for its owner only", async () => {
  const { content } = server.backup;
  expect(await run("backup copy.db")).toEqual({
    code: 0,
    stdout: `copy.db written, ${content.length} bytes\n`,
    stderr: "",
  });
  expect(readFileSync(join(folder, "copy.db")).equals(content)).toBe(true);
  expect(statSync(join(folder, "copy.db")).mode & 0o777).toBe(0o600);
});

test("backup: replaces a file only with --force", async () => {
  const file = join(folder, "copy.db");
  writeFileSync(file, "precious");
  expect(await run("backup copy.db")).toMatchObject({
    code: 1,
    stderr: "error: copy.db exists; replace it with --force\n",
  });
  expect(server.requests).toEqual([]);
  expect((await run("backup copy.db --force")).code).toBe(0);
  expect(readFileSync(file).equals(server.backup.content)).toBe(true);
});

test.each([
  {
    name: "breaks off",
    prepare: () => void (server.backup.breaksOff = true),
    message: "writing copy.db: aborted",
  },
  {
    name: "is not whole",
    prepare: () => void (server.backup.content = server.backup.content.subarray(0, -4096)),
    message: "the backup is not whole",
  },
  {
    name: "is something else",
    prepare: () => void (server.backup.content = Buffer.from("<html>")),
    message: "is no backup of a store",
  },
  {
    name: "is a refusal",
    prepare: () =>
      void server.refusals.set("GET /backup", {
        code: 403,
        status: { reason: "Forbidden", message: "no" },
      }),
    message: "Error from server (Forbidden): no",
  },
])("backup: an answer that $name leaves the old file and no other", async ({ prepare, message }) => {
  prepare();
  writeFileSync(join(folder, "copy.db"), "old");
  const { code, stderr } = await run("backup copy.db --force");
  expect(code).toBe(1);
  expect(stderr).toContain(message);
  expect(readFileSync(join(folder, "copy.db"), "utf8")).toBe("old");
  expect(readdirSync(folder).toSorted()).toEqual([".wherry", "copy.db"]);
});

test("restore: puts a backup in the place of the store, once; with --force again", async () => {
  await run("backup copy.db");
  const store = join(folder, ".wherry", "scheduler", "store.db");
  const first = await run("restore copy.db");
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(first.stdout).toBe(
    `restored 1 objects from ${join(folder, "copy.db")} into ${store}\nstart the cluster with "wherry up"\n`,
  );
  expect(existsSync(store)).toBe(true);
  const second = await run("restore copy.db");
  expect(second).toMatchObject({ code: 1 });
  expect(second.stderr).toContain("exists; with --force it is kept under another name and replaced");
  expect(second.stderr).toContain("nothing was changed");
  expect((await run("restore copy.db --force")).stdout).toContain("the store of before is kept as");
  expect(existsSync(join(folder, ".wherry", "up.lock"))).toBe(false);
});

test("restore: refuses while `wherry up` runs on the folder", async () => {
  await run("backup copy.db");
  const root = join(folder, ".wherry");
  using _lock = new StateLock(join(root, "up.lock"), root);
  const { code, stderr } = await run("restore copy.db --force");
  expect(code).toBe(1);
  expect(stderr).toContain(`wherry is already running on ${root}`);
  expect(existsSync(join(root, "scheduler", "store.db"))).toBe(false);
});

test("restore: names a backup that is not there, and makes no state folder for it", async () => {
  const { code, stderr } = await run("restore nowhere.db --state-dir other");
  expect({ code, stderr }).toEqual({ code: 1, stderr: "error: nowhere.db does not exist\n" });
  expect(existsSync(join(folder, "other"))).toBe(false);
});
