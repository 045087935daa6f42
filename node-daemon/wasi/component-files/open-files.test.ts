import { existsSync, rmSync, unlinkSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { ResourceCount } from "../component-resources.ts";
import { DirectoryCapability, openDirectoryCapability } from "../file-system/directory-capability.ts";
import { DiskQuota } from "../file-system/disk-quota.ts";
import { ListingCache } from "../file-system/listing-cache.ts";
import { GuestEnded } from "../host.ts";
import { limits as wasiLimits } from "../limits.ts";
import { limits } from "./limits.ts";
import { openFilesOf } from "./open-files.ts";
import { SlowFiles } from "./slow-files.ts";
import {
  directoriesOf,
  generations,
  guestStream,
  MountedComponent,
  must,
  openDescriptors,
  preview2,
  preview2Streams,
  preview3,
  preview3Streams,
  rootsOf,
  type TestDescriptor,
  whyOf,
} from "./test-support.ts";

const follow = { symlinkFollow: true };

/** A mount whose file system answers when the test says so. */
function slowMount(): { readonly mounted: MountedComponent; readonly files: () => SlowFiles } {
  let files: SlowFiles | undefined;
  const mounted = new MountedComponent({
    open: (hostPath) => {
      const local = openDirectoryCapability(hostPath);
      files = new SlowFiles(local.files);
      return new DirectoryCapability(local.fd, files);
    },
  });
  mounted.file("file", "content");
  mounted.file("dir/inner", "inner");
  return {
    mounted,
    files: () => {
      if (files === undefined) throw new Error("there is no mount");
      return files;
    },
  };
}

describe.each(generations)("$name open files", (generation) => {
  const open = (root: TestDescriptor, path = "file") => root.openAt(follow, path, {}, { read: true });

  test("at the limit an open is refused and has changed nothing; one that is closed makes room", async () => {
    using mounted = new MountedComponent();
    mounted.file("file", "content");
    mounted.host.limits = { openFilesMax: 3 + 1 + 2, hostDescriptorsMax: 100_000 };
    const root = mounted.root(generation);
    const first = await must(open(root));
    await must(open(root, "."));
    const before = openDescriptors();
    expect(await whyOf(open(root))).toBe("insufficient-memory");
    expect(await whyOf(root.openAt(follow, "new", { create: true }, {}))).toBe("insufficient-memory");
    expect(await whyOf(root.openAt(follow, "file", { truncate: true }, {}))).toBe("insufficient-memory");
    expect(await generation.append(first, "x")).toBe("bad-descriptor");
    expect(existsSync(mounted.path("new"))).toBe(false);
    expect(mounted.text("file")).toBe("content");
    expect(openDescriptors()).toBe(before);
    first[Symbol.dispose]();
    expect(openDescriptors()).toBe(before - 1);
    await must(open(root));
    // A refused open gives its place back.
    root[Symbol.dispose]();
  });

  test("opens that fail take no place", async () => {
    using mounted = new MountedComponent();
    mounted.file("file", "content");
    mounted.host.limits = { openFilesMax: 3 + 1 + 1, hostDescriptorsMax: 100_000 };
    const root = mounted.root(generation);
    for (let i = 0; i < 5; i++) expect(await whyOf(open(root, "nowhere"))).toBe("no-entry");
    await must(open(root));
  });

  test("appending takes a place of its own, for as long as it lasts", async () => {
    using mounted = new MountedComponent();
    mounted.file("file", "content");
    mounted.host.limits = { openFilesMax: 3 + 1 + 1, hostDescriptorsMax: 100_000 };
    const root = mounted.root(generation);
    const file = await must(root.openAt(follow, "file", {}, { write: true }));
    expect(await generation.append(file, "x")).toBe("insufficient-memory");
    mounted.host.limits = { openFilesMax: 3 + 1 + 2, hostDescriptorsMax: 100_000 };
    for (let i = 0; i < 3; i++) expect(await generation.append(file, "x")).toBe("ok");
    expect(mounted.text("file")).toBe("contentxxx");
  });

  test("when the process is short of descriptors nothing is opened, created or truncated", async () => {
    using mounted = new MountedComponent();
    mounted.file("file", "content");
    mounted.host.limits = { openFilesMax: 64, hostDescriptorsMax: 0 };
    const root = mounted.root(generation);
    const before = openDescriptors();
    expect(await whyOf(open(root))).toBe("insufficient-memory");
    expect(await whyOf(root.openAt(follow, "new", { create: true }, {}))).toBe("insufficient-memory");
    expect(await whyOf(root.openAt(follow, "file", { truncate: true }, {}))).toBe("insufficient-memory");
    expect(existsSync(mounted.path("new"))).toBe(false);
    expect(mounted.text("file")).toBe("content");
    expect(openDescriptors()).toBe(before);
  });

  test("asking for the directories again and again takes no more files, but resources", async () => {
    using mounted = new MountedComponent();
    mounted.host.resources = new ResourceCount(4);
    mounted.host.limits = { openFilesMax: 4, hostDescriptorsMax: 100_000 };
    const before = openDescriptors();
    for (let i = 0; i < 4; i++) directoriesOf(generation, mounted.host);
    expect(() => directoriesOf(generation, mounted.host)).toThrow("open a resource");
    expect(openDescriptors()).toBe(before);
    expect(openFilesOf(mounted.host).entries).toBe(4);
  });

  test("a descriptor beyond the bound on resources is closed again", async () => {
    using mounted = new MountedComponent();
    mounted.file("file", "content");
    mounted.host.resources = new ResourceCount(1);
    const root = mounted.root(generation);
    const before = openDescriptors();
    await expect(async () => open(root)).rejects.toThrow("open a resource");
    expect(openDescriptors()).toBe(before);
    await expect(async () => generation.list(root)).rejects.toThrow("open a resource");
    expect(mounted.host.listings.entries).toBe(0);
  });

  test("the end of the instance closes all that is open, and what is called later ends", async () => {
    using mounted = new MountedComponent();
    mounted.file("file", "content");
    mounted.file("dir/inner", "");
    const before = openDescriptors();
    const root = mounted.root(generation);
    const file = await must(root.openAt(follow, "file", {}, { read: true, write: true }));
    const dir = await must(open(root, "dir"));
    if (generation === preview2) {
      await preview2Streams(file).readViaStream(0n);
      await preview2Streams(file).appendViaStream();
      await preview2Streams(dir).readDirectory();
    } else {
      void preview3Streams(file).readViaStream(0n);
      await preview3Streams(dir).readDirectory()[0].next();
      void preview3Streams(file)
        .appendViaStream({ ...guestStream(), read: () => new Promise(() => {}) })
        .catch(() => {});
    }
    expect(openDescriptors()).toBeGreaterThan(before);
    mounted.host.close();
    expect(openDescriptors()).toBe(before);
    expect(openFilesOf(mounted.host).entries).toBe(0);
    for (const call of [() => file.stat(), () => open(root), () => dir.isSameObject(root)]) {
      await expect(async () => call()).rejects.toThrow(GuestEnded);
    }
    for (const descriptor of [file, dir, root]) descriptor[Symbol.dispose]();
    expect(mounted.host.bugs).toEqual([]);
  });

  test("a slow mount: every call suspends the guest and answers as a fast one", async () => {
    const { mounted } = slowMount();
    using _ = mounted;
    const root = mounted.root(generation);
    const file = await must(root.openAt(follow, "file", {}, { read: true, write: true }));
    expect(await generation.read(file)).toEqual({ tag: "ok", val: "content" });
    expect(await generation.read(file, 99n)).toEqual({ tag: "ok", val: "" });
    expect(await generation.write(file, "CON")).toBe("ok");
    expect(await generation.append(file, "!")).toBe("ok");
    expect(mounted.text("file")).toBe("CONtent!");
    expect(await generation.list(root)).toEqual(["dir", "file"]);
    await must(root.createDirectoryAt("new"));
    expect(await whyOf(root.createDirectoryAt("new"))).toBe("exist");
    expect(await whyOf(root.removeDirectoryAt("file/"))).toBe("not-directory");
    await must(root.symlinkAt("file", "link"));
    expect(await must(root.readlinkAt("link"))).toBe("file");
    await must(root.renameAt("link", root, "moved"));
    expect(await file.isSameObject(root)).toBe(false);
    expect(await must(root.metadataHashAt(follow, "moved"))).toEqual(await must(file.metadataHash()));
    expect(mounted.host.waiting).toBe(0);
    expect(mounted.host.waits).toBeGreaterThan(10);
  });

  test("a slow mount: killed while it opens, the descriptor that comes late is closed", async () => {
    const { mounted, files } = slowMount();
    using _ = mounted;
    const root = mounted.root(generation);
    files().held = true;
    const before = openDescriptors();
    const opening = Promise.resolve(open(root));
    const ended = expect(opening).rejects.toThrow(GuestEnded);
    mounted.host.close();
    await ended;
    files().release();
    await new Promise(setImmediate);
    expect(openDescriptors()).toBe(before);
    expect(mounted.host.bugs).toEqual([]);
  });

  test("a slow mount: files that are being opened count, and so many calls wait at once", async () => {
    const { mounted, files } = slowMount();
    using _ = mounted;
    mounted.host.limits = { openFilesMax: 3 + 1 + 2, hostDescriptorsMax: 100_000 };
    const root = mounted.root(generation);
    files().held = true;
    const opening = [open(root), open(root), open(root)];
    expect(files().calls).toBe(2);
    const stats = Array.from({ length: limits.waitingCallsMax - 1 }, () => root.statAt(follow, "file"));
    const answers = Promise.all([...opening, ...stats].map(whyOf));
    files().held = false;
    files().release();
    const told = await answers;
    expect(told.filter((code) => code === "insufficient-memory")).toHaveLength(2);
    expect(told.filter((code) => code === "ok")).toHaveLength(limits.waitingCallsMax);
    expect(await whyOf(root.statAt(follow, "file"))).toBe("ok");
  });

  test("a mount with a limit: what goes beyond it is refused as quota, and room that is made counts", async () => {
    using mounted = new MountedComponent({
      open: (hostPath) => {
        const { fd, files } = openDirectoryCapability(hostPath);
        const bytesMax = 3 * wasiLimits.quotaEntryBytes;
        return new DirectoryCapability(fd, new DiskQuota({ files, root: fd, bytesMax, monotonic: () => 0 }));
      },
    });
    const root = mounted.root(generation);
    const file = await must(root.openAt(follow, "file", { create: true }, {}));
    const most = 2 * wasiLimits.quotaEntryBytes;
    await must(file.setSize(BigInt(most)));
    expect(await whyOf(file.setSize(BigInt(most + 1)))).toBe("quota");
    expect(await generation.append(file, "x")).toMatch(/^(?:quota|broken)$/);
    expect(await whyOf(root.createDirectoryAt("dir"))).toBe("quota");
    await must(file.setSize(0n));
    expect(await generation.append(file, "x")).toBe("ok");
    await must(root.createDirectoryAt("dir"));
    expect(mounted.text("file")).toBe("x");
  });

  test("a bug of ours is told to the host, and to the guest as io", async () => {
    const { mounted, files } = slowMount();
    using _ = mounted;
    const root = mounted.root(generation);
    files().stat = () => Promise.reject(new TypeError("a bug"));
    files().list = () => {
      throw new TypeError("another");
    };
    expect(await whyOf(root.stat())).toBe("io");
    expect(await generation.list(root)).toBe("io");
    expect(mounted.host.bugs.map(String)).toEqual(["TypeError: a bug", "TypeError: another"]);
  });

  test("a listing that the cache has dropped is read again, on behind the last name", async () => {
    using mounted = new MountedComponent();
    mounted.host.listings = new ListingCache(1);
    for (const name of ["a", "b", "c", "d"]) mounted.file(name, "");
    const root = mounted.root(generation);
    const names: (string | undefined)[] = [];
    const next = await steps(root);
    names.push(await next(), await next());
    // Another listing takes the only place.
    await generation.list(root);
    unlinkSync(mounted.path("b"));
    unlinkSync(mounted.path("c"));
    names.push(await next(), await next());
    expect(names).toEqual(["a", "b", "d", undefined]);
  });

  async function steps(directory: TestDescriptor): Promise<() => Promise<string | undefined>> {
    if (generation === preview3) {
      const [stream] = preview3Streams(directory).readDirectory();
      return async () => {
        const step = await stream.next();
        return step.done === true ? undefined : step.value.name;
      };
    }
    const stream = await must(preview2Streams(directory).readDirectory());
    return async () => (await must(stream.readDirectoryEntry()))?.name;
  }

  test("a directory that is gone has nothing in it, and nothing can be made there", async () => {
    using mounted = new MountedComponent();
    mounted.file("dir/file", "");
    const root = mounted.root(generation);
    const dir = await must(root.openAt(follow, "dir", {}, { mutateDirectory: true }));
    rmSync(mounted.path("dir"), { recursive: true });
    expect(await generation.list(dir)).toEqual([]);
    expect(await whyOf(dir.openAt(follow, "file", { create: true }, {}))).toBe("no-entry");
    expect(await whyOf(dir.createDirectoryAt("new"))).toBe("no-entry");
  });

  test("mounts of different operations are different file systems", async () => {
    const { mounted } = slowMount();
    using _ = mounted;
    mounted.mount("/other", "other");
    const [root, other] = rootsOf(generation, mounted.host);
    if (root === undefined || other === undefined) throw new Error("two mounts");
    expect(await whyOf(root.renameAt("file", other, "moved"))).toBe("cross-device");
    expect(await whyOf(root.linkAt({}, "file", other, "linked"))).toBe("cross-device");
    expect(directoriesOf(generation, mounted.host).map(([, path]) => path)).toEqual(["/", "/other"]);
  });
});

test("both generations share what an instance may have open", async () => {
  using mounted = new MountedComponent();
  mounted.file("file", "content");
  mounted.host.limits = { openFilesMax: 3 + 1 + 2, hostDescriptorsMax: 100_000 };
  for (const generation of generations) {
    await must(mounted.root(generation).openAt(follow, "file", {}, {}));
  }
  for (const generation of generations) {
    expect(await whyOf(mounted.root(generation).openAt(follow, "file", {}, {}))).toBe("insufficient-memory");
  }
});

describe("a slow file's streams in WASI 0.2", () => {
  test("reading: nothing until it has answered, one piece ahead, and a kept one after the stream is dropped", async () => {
    const { mounted, files } = slowMount();
    using _ = mounted;
    const root = mounted.root(preview2);
    const file = await must(root.openAt(follow, "file", {}, { read: true }));
    files().held = true;
    const stream = await must(preview2Streams(file).readViaStream(0n));
    expect(stream.read(3n)).toEqual({ tag: "ok", val: new Uint8Array(0) });
    expect(stream.read(3n)).toEqual({ tag: "ok", val: new Uint8Array(0) });
    expect(files().calls).toBe(1);
    const pollable = stream.subscribe();
    expect(pollable.ready()).toBe(false);
    files().release();
    await pollable.block();
    expect(stream.read(2n)).toEqual({ tag: "ok", val: new Uint8Array(Buffer.from("co")) });
    expect(stream.read(9n)).toEqual({ tag: "ok", val: new Uint8Array(Buffer.from("n")) });
    stream.read(1n);
    const before = openDescriptors();
    file[Symbol.dispose]();
    stream[Symbol.dispose]();
    files().release();
    await new Promise(setImmediate);
    expect(openDescriptors()).toBe(before - 1);
    expect(mounted.host.bugs).toEqual([]);
  });

  test("writing: full while it writes, flushed when that is done, and a failure is told", async () => {
    const { mounted, files } = slowMount();
    using _ = mounted;
    const root = mounted.root(preview2);
    const file = await must(root.openAt(follow, "file", {}, { write: true }));
    files().held = true;
    const stream = await must(preview2Streams(file).writeViaStream(0n));
    expect(stream.checkWrite()).toMatchObject({ tag: "ok", val: expect.any(BigInt) });
    expect(stream.write(Buffer.from("CON"))).toMatchObject({ tag: "ok" });
    expect(stream.checkWrite()).toEqual({ tag: "ok", val: 0n });
    const flushing = Promise.resolve(stream.blockingFlush());
    expect(mounted.text("file")).toBe("content");
    files().release();
    expect(await flushing).toMatchObject({ tag: "ok" });
    expect(mounted.text("file")).toBe("CONtent");
    files().held = false;
    files().write = async () => -28;
    const answer = await stream.blockingWriteAndFlush(Buffer.from("x"));
    expect(answer).toMatchObject({ tag: "err", val: { tag: "last-operation-failed" } });
    expect(await stream.blockingFlush()).toMatchObject({ tag: "err", val: { tag: "closed" } });
  });
});
