import { execFileSync } from "node:child_process";
import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

import { fileType } from "../abi.ts";
import { openDirectly, openEntry, statEntry } from "./entries.ts";
import { fileStat } from "./file-stat.ts";
import { stepFlags } from "./host-flags.ts";

/** file, link -> file, dangling -> none, a/b/file, a/link -> b, a/up -> .. */
class Folder implements Disposable {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), "wherry-entries-")));
  readonly fd: number;

  constructor() {
    mkdirSync(join(this.path, "a/b"), { recursive: true });
    writeFileSync(join(this.path, "file"), "text");
    writeFileSync(join(this.path, "a/b/file"), "text");
    symlinkSync("file", join(this.path, "link"));
    symlinkSync("none", join(this.path, "dangling"));
    symlinkSync("b", join(this.path, "a/link"));
    symlinkSync("..", join(this.path, "a/up"));
    this.fd = openSync(this.path, "r");
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
    rmSync(this.path, { recursive: true, force: true });
  }
}

test("statEntry: tells what lstat does, of every kind", async () => {
  using folder = new Folder();
  const server = createServer().listen(join(folder.path, "socket"));
  await once(server, "listening");
  for (const [name, type] of [
    ["file", fileType.regularFile],
    ["a", fileType.directory],
    [".", fileType.directory],
    ["link", fileType.symbolicLink],
    ["dangling", fileType.symbolicLink],
    ["socket", fileType.socketStream],
  ] as const) {
    const stat = statEntry(folder.fd, name);
    expect(stat).toEqual(fileStat(lstatSync(join(folder.path, name), { bigint: true })));
    expect(stat?.type).toBe(type);
  }
  server.close();
  const devices = openSync("/dev", "r");
  expect(statEntry(devices, "null")?.type).toBe(fileType.characterDevice);
  closeSync(devices);
  expect(statEntry(folder.fd, "none")).toBeUndefined();
  expect(() => statEntry(folder.fd, "fi\0le")).toThrow(
    expect.objectContaining({ code: "ERR_INVALID_ARG_VALUE" }),
  );
  expect(() => statEntry(folder.fd, "x".repeat(300))).toThrow(
    expect.objectContaining({ code: "ENAMETOOLONG" }),
  );
});

test.each([
  ["a symlink at its end", "a/link"],
  ["a symlink on its way", "a/link/file"],
  [".. above the directory", "../outside"],
  ["a symlink to ..", "a/up"],
  ["an absolute path", "/etc"],
  ["a NUL", "a\0/../.."],
  ["what is too long", "x/".repeat(3000)],
  ["what is not there", "none"],
])("openDirectly: refuses %s", (_name, path) => {
  using folder = new Folder();
  expect(openDirectly(folder.fd, path, stepFlags)).toBeUndefined();
});

test("openDirectly: opens what is below", () => {
  using folder = new Folder();
  const fd = openDirectly(folder.fd, "a/b", stepFlags) ?? -1;
  expect(fstatSync(fd).ino).toBe(lstatSync(join(folder.path, "a/b")).ino);
  closeSync(fd);
});

test("openEntry: a descriptor is closed in programs that are started", () => {
  using folder = new Folder();
  const fd = openEntry(folder.fd, "file", 0, 0);
  const listed = execFileSync("ls", ["/proc/self/fd"], { encoding: "utf8" }).split("\n");
  expect(listed).not.toContain(String(fd));
  closeSync(fd);
});

test("entries: are found, and refused, the same without the C library", () => {
  using folder = new Folder();
  const probe = fileURLToPath(new URL("entries-probe.ts", import.meta.url));
  const run = (...flags: string[]) =>
    execFileSync(process.execPath, [...flags, probe, folder.path], { encoding: "utf8", stdio: "pipe" }).split(
      "\n",
    );
  const [withIt, found] = run();
  const [withoutIt, foundByNode] = run("--no-experimental-ffi");
  expect([withIt, withoutIt]).toEqual(["with", "without"]);
  expect(found).toBe(foundByNode);
  expect(found?.length).toBeGreaterThan(1_000);
});
