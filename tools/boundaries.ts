/**
 * Who may import whom: kit ◀ api ◀ core ◀ everything else ◀ main.ts.
 * Works on paths and text alone, so that its rules can be tested without files.
 */
export interface SourceFile {
  /** From the root, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

interface Import {
  /** As written. */
  readonly specifier: string;
  /** The file from the root, or undefined for packages and Node's own modules. */
  readonly target: string | undefined;
  readonly line: number;
}

/** For each top folder, the top folders that it may import, beside itself. */
const allowedFolders: Readonly<Record<string, readonly string[]>> = {
  kit: [],
  api: ["kit"],
  proto: ["kit"],
  scheduler: ["kit", "api", "proto"],
  "node-daemon": ["kit", "api", "proto"],
  client: ["kit", "api", "proto"],
  cli: ["kit", "api", "client"],
};

/** `a` and `b` of `a/b/core/c.ts`: where a pure folder belongs. */
const corePattern = /^(?:[^/]+\/)+core\//;

export function checkBoundaries(files: readonly SourceFile[]): readonly Violation[] {
  const imports = new Map(files.map((file) => [file.path, readImports(file)]));
  const violations = [...imports].flatMap(([path, list]) =>
    list.flatMap((one) => {
      const message = findProblem(path, one);
      return message === undefined ? [] : [{ path, line: one.line, message }];
    }),
  );
  return [...violations, ...findCycles(imports)];
}

const importPattern =
  /^[ \t]*(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;

/** Static and dynamic imports and re-exports. */
export function readImports({ path, text }: SourceFile): readonly Import[] {
  return [...text.matchAll(importPattern)].map((match) => {
    const specifier = match[1] ?? match[2] ?? "";
    // The pattern begins with blanks, never with a line end.
    const line = text.slice(0, match.index).split("\n").length;
    return { specifier, target: specifier.startsWith(".") ? resolvePath(path, specifier) : undefined, line };
  });
}

function resolvePath(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function findProblem(path: string, { specifier, target }: Import): string | undefined {
  const isTest = path.endsWith(".test.ts");
  const core = corePattern.exec(path)?.[0];
  if (target === undefined) {
    if (core === undefined || isTest) return undefined;
    return `${core} is pure and may not import "${specifier}": pass what it needs in from outside`;
  }
  if (/(^|\/)main\.ts$/.test(target)) return `${target} is a program; nothing imports it`;
  const from = topFolder(path);
  const to = topFolder(target);
  const allowed = allowedFolders[from];
  if (allowed !== undefined && to !== from && !allowed.includes(to)) {
    return `${from}/ may not import ${to}/ (only ${[from, ...allowed].map((folder) => `${folder}/`).join(", ")})`;
  }
  const isPure = to === "kit" || to === "api" || (core !== undefined && target.startsWith(core));
  if (core !== undefined && !isTest && !isPure) {
    return `${core} is pure and may import kit/, api/ and itself, not ${target}`;
  }
  return undefined;
}

function topFolder(path: string): string {
  return path.split("/", 1)[0] ?? "";
}

/** Each cycle once, named by the file that comes first in the alphabet. Generated files are their maker's business. */
function findCycles(imports: ReadonlyMap<string, readonly Import[]>): readonly Violation[] {
  const state = new Map<string, "open" | "done">();
  const trail: string[] = [];
  const violations: Violation[] = [];
  const visit = (path: string): void => {
    state.set(path, "open");
    trail.push(path);
    for (const { target, line } of imports.get(path) ?? []) {
      if (target === undefined || !imports.has(target) || isGenerated(target)) continue;
      if (state.get(target) === "open") {
        const cycle = [...trail.slice(trail.indexOf(target)), target];
        violations.push({ path, line, message: `import cycle: ${cycle.join(" -> ")}` });
      } else if (!state.has(target)) {
        visit(target);
      }
    }
    trail.pop();
    state.set(path, "done");
  };
  for (const path of [...imports.keys()].toSorted()) {
    if (!state.has(path) && !isGenerated(path)) visit(path);
  }
  return violations;
}

function isGenerated(path: string): boolean {
  return path.includes("/gen/") || path.endsWith(".gen.ts");
}
