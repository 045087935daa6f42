/** Reads what functions the interfaces of a WIT text have; of the language as much as that takes. */
export interface WitFunction {
  /** As in `OfferedInterface.functions`. */
  readonly name: string;
  readonly isAsync: boolean;
}

export interface WitInterface {
  /** `wasi:cli/environment`. */
  readonly name: string;
  readonly functions: readonly WitFunction[];
  readonly resources: readonly string[];
}

export interface WitPackage {
  readonly interfaces: readonly WitInterface[];
  /** The interfaces of its own that the world `imports` names. */
  readonly imported: readonly string[];
}

export function readWit(text: string): WitPackage {
  const plain = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|@\w+\([^)]*\)/g, "");
  const packageName = /^\s*package\s+([\w:-]+)/.exec(plain)?.[1] ?? "";
  const interfaces = blocks(plain, "interface").map(({ name, body }) => {
    const resources = blocks(body, "resource");
    const functions = [
      ...resources.flatMap((resource) => functionsOf(resource.body, resource.name)),
      ...functionsOf(resources.reduce((rest, resource) => rest.replace(resource.body, ""), body)),
    ];
    return {
      name: `${packageName}/${name}`,
      functions,
      resources: [...body.matchAll(/\bresource\s+([\w-]+)/g)].map((match) => match[1] ?? ""),
    };
  });
  const world = blocks(plain, "world").find(({ name }) => name === "imports")?.body ?? "";
  const imported = [...world.matchAll(/\bimport\s+([\w-]+);/g)].map((match) => `${packageName}/${match[1]}`);
  return { interfaces, imported };
}

function functionsOf(body: string, resource?: string): WitFunction[] {
  const functions = [...body.matchAll(/([\w-]+)\s*:\s*(static\s+)?(async\s+)?func\b/g)].map(
    ([, name = "", isStatic, isAsync]) => {
      const kind = isStatic ? "static" : "method";
      return {
        name: resource === undefined ? name : `[${kind}]${resource}.${name}`,
        isAsync: isAsync !== undefined,
      };
    },
  );
  if (resource !== undefined && /\bconstructor\s*\(/.test(body)) {
    functions.push({ name: `[constructor]${resource}`, isAsync: false });
  }
  return functions;
}

function blocks(text: string, keyword: string): { readonly name: string; readonly body: string }[] {
  const found: { name: string; body: string }[] = [];
  for (const match of text.matchAll(new RegExp(`\\b${keyword}\\s+([\\w-]+)\\s*\\{`, "g"))) {
    const start = match.index + match[0].length;
    let end = start;
    for (let depth = 1; depth > 0 && end < text.length; end++) {
      if (text[end] === "{") depth++;
      else if (text[end] === "}") depth--;
    }
    found.push({ name: match[1] ?? "", body: text.slice(start, end - 1) });
  }
  return found;
}
