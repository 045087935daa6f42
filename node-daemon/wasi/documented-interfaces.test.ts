import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { preview2Interfaces } from "./preview2/index.ts";
import { preview3Interfaces } from "./preview3/index.ts";

/** Of one column: `the same` stands for what the one before it has. */
function named(packageName: string, cell: string, before: readonly string[]): string[] {
  const names = [...cell.matchAll(/`([a-z-]+)`/g)].map(([, name]) => `${packageName}/${name}`);
  return cell.startsWith("the same") ? [...before, ...names] : names;
}

test("docs/WASI.md: its table of components has exactly the interfaces that are offered", () => {
  const text = readFileSync(new URL("../../docs/WASI.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `(wasi:\w+)` +\| ([^|]+) +\| ([^|]+) +\|$/gm)];
  const documented = rows.map(([, packageName = "", second = "", third = ""]) => {
    const older = named(packageName, second, []);
    return { older, newer: named(packageName, third, older) };
  });
  const offered = (interfaces: readonly { readonly name: string }[]) =>
    interfaces.map(({ name }) => name.replace(/@0\.\d$/, "")).toSorted();
  expect(documented.flatMap(({ older }) => older).toSorted()).toEqual(offered(preview2Interfaces));
  expect(documented.flatMap(({ newer }) => newer).toSorted()).toEqual(offered(preview3Interfaces));
});
