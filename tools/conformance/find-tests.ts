import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { errorMessage } from "../../kit/errors.ts";
import { parseSpecification, type Specification } from "./specification.ts";

export interface SuiteTest {
  /** As its folder's manifest calls it, or the folder. */
  readonly group: string;
  readonly name: string;
  readonly file: string;
  /** The message when the test's JSON file can't be understood. */
  readonly specification: Specification | string;
}

/** Every `*.wasm` below the suite, in the order of groups and names. */
export function findTests(suite: string, only: RegExp | undefined): readonly SuiteTest[] {
  const groups = new Map<string, string>();
  return readdirSync(suite, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".wasm"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file): SuiteTest => {
      const folder = dirname(file);
      const group = groups.get(folder) ?? groupOf(suite, folder);
      groups.set(folder, group);
      return { group, name: basename(file, ".wasm"), file, specification: specificationOf(file) };
    })
    .filter(({ group, name }) => only === undefined || only.test(`${group} ${name}`))
    .toSorted((a, b) => compare(a.group, b.group) || compare(a.name, b.name));
}

function groupOf(suite: string, folder: string): string {
  const otherwise = relative(suite, folder) || ".";
  try {
    const { name } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as { name?: unknown };
    return typeof name === "string" ? name : otherwise;
  } catch {
    return otherwise;
  }
}

function specificationOf(file: string): Specification | string {
  const json = file.replace(/\.wasm$/, ".json");
  try {
    return parseSpecification(existsSync(json) ? readFileSync(json, "utf8") : undefined);
  } catch (thrown) {
    return errorMessage(thrown);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
