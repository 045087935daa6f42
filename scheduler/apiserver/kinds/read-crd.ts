import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { errorMessage, WherryError } from "../../../kit/errors.ts";
import { type CrdLike, definitionsOf } from "../crd/definitions-of.ts";
import type { ResourceDefinition } from "../resource.ts";

/** Every CustomResourceDefinition of a folder, one a file. */
export function readCrdFolder(
  folder: string,
  storage: ResourceDefinition["storage"],
): readonly ResourceDefinition[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .flatMap((name) => {
      try {
        // The repository's own files.
        return definitionsOf(parse(readFileSync(join(folder, name), "utf8")) as CrdLike, storage);
      } catch (thrown) {
        throw new WherryError("InvalidCrd", `read ${name} of ${folder}: ${errorMessage(thrown)}`, {
          cause: thrown,
        });
      }
    });
}
