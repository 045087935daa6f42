import { expect, test } from "vitest";
import { sandboxArguments, type SandboxPlan } from "./sandbox-arguments.ts";

const plan: SandboxPlan = {
  folder: "/state/shims/one",
  innerFolder: "/state/shims/one/inner",
  configFiles: ["/state/shims/one/config.json"],
  programPaths: ["/opt/node"],
  readOnlyPaths: ["/srv/data/read"],
  writablePaths: ["/srv/data"],
  network: false,
  sealsNamespaces: true,
  infoFd: 3,
};

const text = (given: Partial<SandboxPlan> = {}) => ` ${sandboxArguments({ ...plan, ...given }).join(" ")} `;

test("sandboxArguments: the shim sees its inner folder in the place of its folder, and its configuration read-only in it", () => {
  const folder = text().indexOf(" --bind /state/shims/one/inner /state/shims/one ");
  const config = text().indexOf(" --ro-bind /state/shims/one/config.json /state/shims/one/config.json ");
  expect(folder).toBeGreaterThan(0);
  expect(config).toBeGreaterThan(folder);
});

test("sandboxArguments: a folder is mounted before what is mounted inside it", () => {
  expect(text()).toContain("--bind /srv/data /srv/data --ro-bind /srv/data/read /srv/data/read");
});

test("sandboxArguments: the kernel's switches and the root cannot be written, and the root is closed last", () => {
  expect(text()).toContain("--proc /proc --remount-ro /proc");
  expect(sandboxArguments(plan).slice(-5)).toEqual([
    "--remount-ro",
    "/",
    "--chdir",
    "/state/shims/one",
    "--",
  ]);
});

test.each([
  {
    name: "without network, no way out and no resolver",
    network: false,
    has: "--unshare-net",
    hasNot: "/etc/resolv.conf",
  },
  { name: "with network, a resolver", network: true, has: "/etc/resolv.conf", hasNot: "--unshare-net" },
])("sandboxArguments: $name", ({ network, has, hasNot }) => {
  expect(text({ network })).toContain(has);
  expect(text({ network })).not.toContain(hasNot);
});

test("sandboxArguments: an old bubblewrap is not asked for what it does not know", () => {
  expect(text()).toContain("--disable-userns");
  expect(text({ sealsNamespaces: false })).not.toContain("--disable-userns");
});
