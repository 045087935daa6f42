/** What guests see of a volume whose files change, through components' file systems; real guests of preview 1 are in test/e2e. */
import { rm } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { VolumeContent } from "../core/assignment.ts";
import { generations, MountedComponent, must, whyOf } from "../wasi/component-files/test-support.ts";
import { createContentFolder, updateContentFolder } from "./content-folder.ts";

const follow = { symlinkFollow: true };

function contentOf(files: Readonly<Record<string, string>>): VolumeContent {
  const entries = Object.entries(files).map(([path, text]) => ({ path, data: Buffer.from(text) }));
  return { volume: "v", secret: false, files: entries };
}

describe.each(generations)("$name", (generation) => {
  /** A read-only mount with the volume in its folder `v`. */
  async function mounted(files: Readonly<Record<string, string>>) {
    const component = new MountedComponent({ readOnly: true });
    await createContentFolder(component.path("v"), contentOf(files), 0);
    const root = component.root(generation);
    const text = async (path: string) => {
      const said = await root.openAt(follow, path, {}, { read: true });
      if (said.tag === "err") return undefined;
      using file = said.val;
      const read = await generation.read(file);
      return read.tag === "ok" ? read.val : undefined;
    };
    const change = (to: Readonly<Record<string, string>>) =>
      updateContentFolder(component.path("v"), contentOf(to), 0);
    return { component, root, text, change };
  }

  test("files are read through their links; what was open keeps its text, what is opened later has the new one", async () => {
    const { component, root, text, change } = await mounted({ key: "old", "deep/er": "old", gone: "old" });
    using _ = component;
    using open = await must(root.openAt(follow, "v/key", {}, { read: true }));
    using folder = await must(root.openAt(follow, "v/..data", { directory: true }, { read: true }));
    expect(await text("v/deep/er")).toBe("old");
    for (const path of await change({ key: "new", "deep/er": "new" })) await rm(path, { recursive: true });
    expect(await generation.read(open)).toMatchObject({ val: "old" });
    expect([await text("v/key"), await text("v/deep/er"), await text("v/gone")]).toEqual([
      "new",
      "new",
      undefined,
    ]);
    // A folder that is held open stays what it was: with nothing in it, once it is removed.
    expect(await whyOf(folder.openAt(follow, "key", {}, { read: true }))).toBe("no-entry");
  });

  test("a listing is what a Pod sees", async () => {
    const { component, root } = await mounted({ b: "", a: "", "c/d": "" });
    using _ = component;
    using folder = await must(root.openAt(follow, "v", { directory: true }, { read: true }));
    const names = await generation.list(folder);
    const version = expect.stringMatching(/^\.\.1970_01_01_00_00_00\./) as string;
    expect(new Set(names)).toEqual(new Set([version, "..data", "a", "b", "c"]));
    expect(await must(root.readlinkAt("v/a"))).toBe("..data/a");
  });

  test("nothing there can be changed by a guest", async () => {
    const { component, root, text } = await mounted({ key: "old" });
    using _ = component;
    const answers = [
      await whyOf(root.openAt(follow, "v/key", {}, { write: true })),
      await whyOf(root.openAt(follow, "v/key", { truncate: true }, { read: true })),
      await whyOf(root.openAt(follow, "v/new", { create: true }, {})),
      await whyOf(root.unlinkFileAt("v/..data")),
      await whyOf(root.renameAt("v/..data", root, "v/mine")),
      await whyOf(root.symlinkAt("..data", "v/mine")),
      await whyOf(root.createDirectoryAt("v/..data/mine")),
    ];
    expect(new Set(answers)).toEqual(new Set(["read-only"]));
    expect(await text("v/key")).toBe("old");
  });
});
