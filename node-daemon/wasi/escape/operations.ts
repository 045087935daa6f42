import type { Attacker, Handle, Replied, Reply } from "./attacker.ts";

/** Test support: everything that can be tried with one path. Each answers all that the guest was told. */
export interface Operation {
  readonly name: string;
  attempt(attacker: Attacker, at: Handle, path: string): Promise<readonly Reply<unknown>[]>;
}

type Attempt = (
  attacker: Attacker,
  at: Handle,
  path: string,
) => AsyncGenerator<Reply<unknown>, void, undefined>;

function operation(name: string, attempt: Attempt): Operation {
  return {
    name,
    attempt: async (attacker, at, path) => {
      const told: Reply<unknown>[] = [];
      for await (const reply of attempt(attacker, at, path)) told.push(reply);
      return told;
    },
  };
}

/** Uses what was opened, and closes it. */
async function* opened(
  attacker: Attacker,
  opening: Replied<Handle>,
  ...uses: readonly ((handle: Handle) => Replied<unknown>)[]
): AsyncGenerator<Reply<unknown>, void, undefined> {
  const reply = await opening;
  if (!reply.ok) {
    yield reply;
    return;
  }
  // The number is of no interest, that there is one is.
  yield { ok: true, value: "opened" };
  yield await attacker.statHandle(reply.value);
  for (const use of uses) yield await use(reply.value);
  yield await attacker.close(reply.value);
}

const reading: Attempt = (attacker, at, path) =>
  opened(attacker, attacker.open(at, path, { read: true }), (file) => attacker.read(file));

export const operations: readonly Operation[] = [
  operation("read", reading),
  operation("read without following", (attacker, at, path) =>
    opened(attacker, attacker.open(at, path, { read: true, follow: false }), (file) => attacker.read(file)),
  ),
  operation("open for nothing", (attacker, at, path) => opened(attacker, attacker.open(at, path, {}))),
  operation("write", (attacker, at, path) =>
    opened(attacker, attacker.open(at, path, { write: true }), (file) => attacker.write(file, "written")),
  ),
  operation("append", (attacker, at, path) =>
    opened(attacker, attacker.open(at, path, { write: true, append: true }), (file) =>
      attacker.write(file, "appended"),
    ),
  ),
  operation("truncate", (attacker, at, path) =>
    opened(attacker, attacker.open(at, path, { write: true, truncate: true })),
  ),
  operation("set the size", (attacker, at, path) =>
    opened(attacker, attacker.open(at, path, { read: true, write: true }), (file) =>
      attacker.setSize(file, 3n),
    ),
  ),
  operation("create", (attacker, at, path) =>
    opened(attacker, attacker.open(at, path, { write: true, create: true }), (file) =>
      attacker.write(file, "made"),
    ),
  ),
  operation("create a new file", (attacker, at, path) =>
    opened(attacker, attacker.open(at, path, { write: true, create: true, exclusive: true }), (file) =>
      attacker.write(file, "made"),
    ),
  ),
  operation("create beside it", (attacker, at, path) =>
    opened(attacker, attacker.open(at, `${path}-new`, { write: true, create: true })),
  ),
  operation("list", (attacker, at, path) =>
    opened(attacker, attacker.open(at, path, { read: true, directory: true }), (directory) =>
      attacker.list(directory),
    ),
  ),
  operation("list what is around it", (attacker, at, path) =>
    opened(attacker, attacker.open(at, `${path}/..`, { read: true, directory: true }), (directory) =>
      attacker.list(directory),
    ),
  ),
  operation("stat", async function* (attacker, at, path) {
    yield await attacker.stat(at, path, true);
  }),
  operation("stat without following", async function* (attacker, at, path) {
    yield await attacker.stat(at, path, false);
    yield await attacker.stat(at, `${path}/`, false);
    yield await attacker.stat(at, `${path}/.`, false);
  }),
  operation("set times", async function* (attacker, at, path) {
    yield await attacker.setTimes(at, path, true, 1n);
    yield* opened(attacker, attacker.open(at, path, { read: true }), (file) =>
      attacker.setHandleTimes(file, 1n),
    );
  }),
  operation("set times without following", async function* (attacker, at, path) {
    yield await attacker.setTimes(at, `${path}/.`, false, 1n);
    yield await attacker.setTimes(at, path, false, 1n);
  }),
  operation("create a directory", async function* (attacker, at, path) {
    yield await attacker.createDirectory(at, path);
    yield await attacker.createDirectory(at, `${path}/`);
    yield await attacker.createDirectory(at, `${path}-new`);
    yield await attacker.createDirectory(at, `${path}/new`);
  }),
  operation("remove a directory", async function* (attacker, at, path) {
    yield await attacker.removeDirectory(at, `${path}/..`);
    yield await attacker.removeDirectory(at, `${path}/.`);
    yield await attacker.removeDirectory(at, `${path}/`);
    yield await attacker.removeDirectory(at, path);
  }),
  operation("unlink", async function* (attacker, at, path) {
    yield await attacker.unlink(at, `${path}/../secret`);
    yield await attacker.unlink(at, `${path}/`);
    yield await attacker.unlink(at, path);
  }),
  operation("rename from there", async function* (attacker, at, path) {
    yield await attacker.rename(at, `${path}/`, at, "taken");
    yield await attacker.rename(at, path, at, "taken");
    yield* reading(attacker, at, "taken");
  }),
  operation("rename over it", async function* (attacker, at, path) {
    yield await attacker.rename(at, "dir/file", at, `${path}/`);
    yield await attacker.rename(at, "dir/file", at, `${path}/new`);
    yield await attacker.rename(at, "dir/file", at, `${path}/../new`);
    yield await attacker.rename(at, "dir/file", at, path);
    yield await attacker.rename(at, "dir/sub", at, path);
  }),
  operation("link from there", async function* (attacker, at, path) {
    yield await attacker.link(at, `${path}/`, false, at, "taken");
    yield await attacker.link(at, path, true, at, "taken");
    yield await attacker.link(at, path, false, at, "taken");
    yield* reading(attacker, at, "taken");
  }),
  operation("link to there", async function* (attacker, at, path) {
    yield await attacker.link(at, "dir/file", false, at, `${path}/new`);
    yield await attacker.link(at, "dir/file", false, at, `${path}-new`);
    yield await attacker.link(at, "dir/file", false, at, `${path}/`);
    yield await attacker.link(at, "dir/file", false, at, path);
  }),
  operation("symlink there", async function* (attacker, at, path) {
    yield await attacker.symlink("file", at, `${path}/new`);
    yield await attacker.symlink("file", at, `${path}-new`);
    yield await attacker.symlink("file", at, `${path}/../new`);
    yield await attacker.symlink("file", at, `${path}/`);
    yield await attacker.symlink("file", at, path);
  }),
  operation("read it as a link", async function* (attacker, at, path) {
    // The text of a link in the mount is the guest's to read: only that it could be read is told.
    for (const suffix of ["", "/", "/.", "/../secret"]) {
      const reply = await attacker.readlink(at, `${path}${suffix}`);
      yield reply.ok ? { ok: true, value: "a text" } : reply;
    }
  }),
  operation("link to it, and follow that", async function* (attacker, at, path) {
    yield await attacker.symlink(path, at, "dir/new");
    yield* reading(attacker, at, "dir/new");
    yield await attacker.symlink(path, at, "new");
    yield* reading(attacker, at, "new");
    yield* opened(attacker, attacker.open(at, "new", { write: true, create: true, truncate: true }));
  }),
];
