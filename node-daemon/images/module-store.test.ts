import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { AllowedRoots } from "../volumes/allowed-roots.ts";
import { ModuleStore } from "./module-store.ts";

let root: string;
let clock: FakeClock;
let server: Server;
let base: string;
let requests: IncomingMessage[];
let respond: (request: IncomingMessage, response: ServerResponse) => void;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "wherry-images-"));
  await mkdir(join(root, "allowed"));
  clock = new FakeClock();
  requests = [];
  server = createServer((request, response) => {
    requests.push(request);
    respond(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(root, { recursive: true, force: true });
});

const openStore = (cacheBytesMax = 1 << 20) =>
  ModuleStore.open({
    folder: join(root, "cache"),
    roots: new AllowedRoots([
      { path: join(root, "allowed") },
      { namespace: "team", path: join(root, "team") },
    ]),
    clock,
    log: silentLog,
    cacheBytesMax,
  });
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const never = new AbortController().signal;
const fetchOf = (store: ModuleStore, image: string, digest?: string) =>
  store.fetch({ image, namespace: "default", digest }, never);

async function contentOf(store: ModuleStore, image: string, digest?: string): Promise<string> {
  const outcome = await fetchOf(store, image, digest);
  if (outcome.kind === "failed") throw new Error(`${outcome.reason}: ${outcome.message}`);
  expect(outcome.module.digest).toBe(sha256(await readFile(outcome.module.file, "utf8")));
  return await readFile(outcome.module.file, "utf8");
}

test("fetch: a file is cached by its digest, and read again only when it changed", async () => {
  const file = join(root, "allowed", "a.wasm");
  await writeFile(file, "one");
  const store = await openStore();
  expect(await contentOf(store, `file://${file}`)).toBe("one");
  await writeFile(file, "two");
  await utimes(file, 1, 1);
  expect(await contentOf(store, `file://${file}`)).toBe("one");
  clock.advance(3000);
  expect(await contentOf(store, `file://${file}`)).toBe("two");
  expect((await readdir(join(root, "cache"))).sort()).toEqual([sha256("one"), sha256("two")].sort());
});

test("fetch: a restart prefers what it ran before", async () => {
  const file = join(root, "allowed", "a.wasm");
  await writeFile(file, "one");
  const store = await openStore();
  await contentOf(store, `file://${file}`);
  await writeFile(file, "two");
  clock.advance(3000);
  const outcome = await store.fetch(
    { image: `file://${file}`, namespace: "default", digest: undefined, preferred: sha256("one") },
    never,
  );
  expect(outcome).toMatchObject({ kind: "fetched", module: { digest: sha256("one") } });
});

test("fetch: http is asked whether it changed, once for all that come together", async () => {
  respond = (request, response) => {
    if (request.headers["if-none-match"] === '"v1"') response.writeHead(304).end();
    else response.writeHead(200, { etag: '"v1"' }).end("remote");
  };
  const store = await openStore();
  const together = await Promise.all([1, 2, 3].map(() => contentOf(store, `${base}/m.wasm`)));
  expect(together).toEqual(["remote", "remote", "remote"]);
  expect(requests.length).toBe(1);
  clock.advance(3000);
  expect(await contentOf(store, `${base}/m.wasm`)).toBe("remote");
  expect(requests.map((request) => request.headers["if-none-match"])).toEqual([undefined, '"v1"']);
});

test("fetch: a digest in the cache needs no fetch, also after a restart", async () => {
  respond = (_, response) => void response.end("remote");
  await contentOf(await openStore(), `${base}/m.wasm`, sha256("remote"));
  await contentOf(await openStore(), `${base}/m.wasm`, sha256("remote"));
  expect(requests.length).toBe(1);
});

test.each([
  {
    name: "missing file",
    image: "file://ROOT/allowed/none.wasm",
    reason: "ModuleNotFound",
    says: "does not exist",
  },
  { name: "a folder", image: "file://ROOT/allowed", reason: "ModuleNotFound", says: "not a regular file" },
  {
    name: "outside the roots",
    image: "file://ROOT/secret",
    reason: "HostPathNotAllowed",
    says: "--allow-host-path",
  },
  {
    name: "a symlink that leads out",
    image: "file://ROOT/allowed/link",
    reason: "HostPathNotAllowed",
    says: "ROOT/allowed",
  },
  {
    name: "a relative path that leads out",
    image: "file://../secret",
    reason: "HostPathNotAllowed",
    says: "--allow-host-path",
  },
  { name: "an unknown scheme", image: "ftp://x/y", reason: "ModuleNotFound", says: "spec.module.image" },
  { name: "404", image: "BASE/404", reason: "ModuleNotFound", says: "answered 404" },
  { name: "500", image: "BASE/500", reason: "ModuleFetchFailed", says: "answered 500", retryable: true },
  { name: "cut short", image: "BASE/cut", reason: "ModuleFetchFailed", says: "BASE/cut", retryable: true },
  {
    name: "redirect to a file",
    image: "BASE/tofile",
    reason: "ModuleFetchFailed",
    says: "file:///etc/passwd",
  },
  {
    name: "redirects without end",
    image: "BASE/loop",
    reason: "ModuleFetchFailed",
    says: "redirects",
    retryable: true,
  },
  { name: "too large", image: "BASE/large", reason: "ModuleInvalid", says: "512 MiB" },
  {
    name: "nobody listens",
    image: "http://127.0.0.1:1/x",
    reason: "ModuleFetchFailed",
    says: "127.0.0.1:1",
    retryable: true,
  },
])("fetch: $name says why", async ({ image, reason, says, retryable = false }) => {
  respond = (request, response) => {
    if (request.url === "/404") response.writeHead(404).end();
    else if (request.url === "/500") response.writeHead(500).end();
    else if (request.url === "/tofile") response.writeHead(302, { location: "file:///etc/passwd" }).end();
    else if (request.url === "/loop") response.writeHead(302, { location: "/loop" }).end();
    else if (request.url === "/large")
      response.writeHead(200, { "content-length": String(2 ** 30) }).write("x");
    else if (request.url === "/cut") {
      response.writeHead(200, { "content-length": "100" }).write("half", () => response.destroy());
    }
  };
  await writeFile(join(root, "secret"), "s");
  await symlink(join(root, "secret"), join(root, "allowed", "link"));
  const fill = (text: string) => text.replace("ROOT", root).replace("BASE", base);
  const outcome = await fetchOf(await openStore(), fill(image));
  expect(outcome).toMatchObject({ kind: "failed", reason, retryable });
  expect(outcome.kind === "failed" && outcome.message).toContain(fill(says));
  expect(await readdir(join(root, "cache"))).toEqual([]);
});

test("fetch: a wrong digest names both, and nothing is kept", async () => {
  respond = (_, response) => void response.end("remote");
  const outcome = await fetchOf(await openStore(), `${base}/m.wasm`, "0".repeat(64));
  expect(outcome).toMatchObject({ reason: "ModuleDigestMismatch", retryable: false });
  expect(outcome.kind === "failed" && outcome.message).toContain(sha256("remote"));
  expect(await readdir(join(root, "cache"))).toEqual([]);
});

test("fetch: a redirect is followed", async () => {
  respond = (request, response) => {
    if (request.url === "/old") response.writeHead(302, { location: "/new" }).end();
    else response.end("moved");
  };
  expect(await contentOf(await openStore(), `${base}/old`)).toBe("moved");
});

test("fetch: a silent server is given up, and one who left does not wait", async () => {
  const asked = Promise.withResolvers<void>();
  respond = () => asked.resolve();
  const store = await openStore();
  const leaving = new AbortController();
  const left = store.fetch(
    { image: `${base}/m.wasm`, namespace: "default", digest: undefined },
    leaving.signal,
  );
  const stays = fetchOf(store, `${base}/m.wasm`);
  await asked.promise;
  leaving.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  clock.advance(31_000);
  expect(await stays).toMatchObject({ reason: "ModuleFetchFailed", retryable: true });
});

test("ModuleStore: beyond its bound the cache drops what was used longest ago, never what is in use", async () => {
  const store = await openStore(10);
  for (const [name, text] of [
    ["a", "aaaa"],
    ["b", "bbbb"],
    ["c", "cccc"],
  ] as const) {
    await writeFile(join(root, "allowed", name), text);
    await contentOf(store, `file://${root}/allowed/${name}`);
    if (name === "a") store.retain(sha256("aaaa"));
  }
  expect((await readdir(join(root, "cache"))).sort()).toEqual([sha256("aaaa"), sha256("cccc")].sort());
});

test("fetch: a file that only one namespace may read is refused to others, also when it is in the cache", async () => {
  const file = join(root, "team", "a.wasm");
  await mkdir(join(root, "team"));
  await writeFile(file, "theirs");
  const store = await openStore();
  const ask = (namespace: string) =>
    store.fetch({ image: `file://${file}`, namespace, digest: undefined }, never);
  expect(await ask("team")).toMatchObject({ kind: "fetched" });
  expect(await ask("default")).toMatchObject({ kind: "failed", reason: "HostPathNotAllowed" });
});
