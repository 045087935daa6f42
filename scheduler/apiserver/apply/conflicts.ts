import { ApiError } from "../status.ts";
import { type FieldSet, pathsOf } from "./field-set.ts";
import { identifierOf, type ManagerKey } from "./managed-entries.ts";

/** What an apply would change although another manager owns it. */
export interface Conflict {
  readonly owner: ManagerKey;
  readonly fields: FieldSet;
}

/** The causes listed; an object can have thousands of fields. */
const causesMax = 500;

export function conflictError(conflicts: readonly Conflict[]): ApiError {
  const groups = [...conflicts]
    .sort((a, b) => (identifierOf(a.owner) < identifierOf(b.owner) ? -1 : 1))
    .map(({ owner, fields }) => ({ owner: showOwner(owner), paths: pathsOf(fields) }));
  const all = groups.flatMap(({ owner, paths }) => paths.map((path) => ({ owner, path })));
  const causes = all.slice(0, causesMax).map(({ owner, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${owner}`,
    field: path,
  }));
  const [first] = all;
  const message =
    first !== undefined && all.length === 1
      ? `Apply failed with 1 conflict: conflict with ${first.owner}: ${first.path}`
      : `Apply failed with ${all.length} conflicts: ${listOf(groups)}`;
  return new ApiError("Conflict", message, { causes });
}

function listOf(groups: readonly { readonly owner: string; readonly paths: readonly string[] }[]): string {
  return groups
    .flatMap(({ owner, paths }) => [
      `conflicts with ${owner}:`,
      ...paths.slice(0, causesMax).map((path) => `- ${path}`),
    ])
    .join("\n");
}

function showOwner({ manager, operation, apiVersion, subresource }: ManagerKey): string {
  const name = JSON.stringify(manager);
  const where = subresource === "" ? name : `${name} with subresource ${JSON.stringify(subresource)}`;
  return operation === "Update" ? `${where} using ${apiVersion}` : where;
}
