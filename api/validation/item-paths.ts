import { type FieldError, duplicateValue, invalidValue } from "./field-error.ts";

/** Paths of files in a volume, as `items` gives them: each must be possible, and all of them together. */
export function validateItemPaths(
  paths: readonly string[],
  fieldOf: (at: number) => string,
): readonly FieldError[] {
  const files = new Set(paths);
  const seen = new Set<string>();
  return paths.flatMap((path, at) => {
    if (seen.has(path)) return [duplicateValue(fieldOf(at), path)];
    seen.add(path);
    const problem = pathProblem(path) ?? folderProblem(path, files);
    return problem === undefined ? [] : [invalidValue(fieldOf(at), path, problem)];
  });
}

function pathProblem(path: string): string | undefined {
  const parts = path.split("/");
  if (path.startsWith("/") || parts.includes("..")) return "must be a relative path without '..'";
  // `..data` and what it leads to are not for templates to name.
  if (path.startsWith("..")) return "must not start with '..'";
  if (path.includes("\0")) return "must not contain NUL";
  return parts.some((part) => part === "" || part === ".")
    ? "must not contain empty parts or '.'"
    : undefined;
}

function folderProblem(path: string, files: ReadonlySet<string>): string | undefined {
  for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) {
    const folder = path.slice(0, end);
    if (files.has(folder)) return `is below ${folder}, which is a file`;
  }
  return undefined;
}
