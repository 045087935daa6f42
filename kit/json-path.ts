/**
 * The JSONPath of printer columns, scale subresources and `wait`: names, quoted names, indexes, slices, `[*]` and filters, such as
 * `[?(@.a.b=="text")]` and `[?(@.a)]`. https://kubernetes.io/docs/reference/kubectl/jsonpath/
 */
export type JsonPath = (root: unknown) => readonly unknown[];

type Step =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "slice"; readonly start: number; readonly end: number | undefined }
  | { readonly kind: "all" }
  | {
      readonly kind: "filter";
      readonly path: readonly string[];
      /** undefined: that there is a value. */
      readonly comparison: { readonly operator: string; readonly value: unknown } | undefined;
    };

const stepForm =
  /\.(?<name>(?:\\.|[^.[\]\\])+)|\['(?<quoted>[^']*)'\]|\["(?<doubled>[^"]*)"\]|\[(?<index>-?\d+)\]|\[(?<start>-?\d*):(?<end>-?\d*)\]|(?<all>\[\*\]|\.\*)|\[\?\(\s*@(?<path>[.\w]+)\s*(?:(?<operator>==|!=|<=|>=|<|>)\s*(?:"(?<double>[^"]*)"|'(?<single>[^']*)'|(?<plain>-?\d+(?:\.\d+)?|true|false))\s*)?\)\]/y;

/** Throws on a text that is none of this; definitions are read at start, so that is where it shows. */
export function compileJsonPath(text: string): JsonPath {
  const path = text.replace(/^\{(.*)\}$/s, "$1").replace(/^\$/, "");
  const steps: Step[] = [];
  stepForm.lastIndex = 0;
  while (stepForm.lastIndex < path.length) {
    const groups = stepForm.exec(path)?.groups;
    if (!groups) throw new TypeError(`${JSON.stringify(text)} is no supported JSONPath`);
    steps.push(stepOf(groups));
  }
  const names = steps.flatMap((step) => (step.kind === "name" ? [step.name] : []));
  if (names.length === steps.length) return (root) => follow(root, names);
  return (root) =>
    steps.reduce<readonly unknown[]>((values, step) => values.flatMap((one) => take(one, step)), [root]);
}

function stepOf(groups: Readonly<Record<string, string | undefined>>): Step {
  const name = groups["name"];
  if (groups["all"] !== undefined || name === "*") return { kind: "all" };
  if (name !== undefined) return { kind: "name", name: name.replaceAll(/\\(.)/g, "$1") };
  const quoted = groups["quoted"] ?? groups["doubled"];
  if (quoted !== undefined) return { kind: "name", name: quoted.replaceAll(/\\(.)/g, "$1") };
  if (groups["index"] !== undefined) return { kind: "index", index: Number(groups["index"]) };
  const { start, end } = groups;
  if (start !== undefined) return { kind: "slice", start: Number(start), end: end ? Number(end) : undefined };
  const path = (groups["path"] ?? "").split(".").filter((part) => part !== "");
  const operator = groups["operator"];
  if (operator === undefined) return { kind: "filter", path, comparison: undefined };
  const text = groups["double"] ?? groups["single"];
  return { kind: "filter", path, comparison: { operator, value: text ?? plainValue(groups["plain"] ?? "") } };
}

function plainValue(text: string): number | boolean {
  return text === "true" || text === "false" ? text === "true" : Number(text);
}

/** Values of different types are not compared. */
function compare(left: unknown, operator: string, right: unknown): boolean {
  const isComparable =
    (typeof left === "string" && typeof right === "string") ||
    (typeof left === "number" && typeof right === "number") ||
    (typeof left === "boolean" && typeof right === "boolean");
  if (!isComparable) return false;
  switch (operator) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    default:
      return left >= right;
  }
}

/** Most paths are names only, and lists have thousands of rows. */
function follow(root: unknown, names: readonly string[]): readonly unknown[] {
  let value = root;
  for (const name of names) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return [];
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value === undefined || value === null ? [] : [value];
}

function take(value: unknown, step: Step): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  switch (step.kind) {
    case "name":
      return field(value, step.name);
    case "index":
      return Array.isArray(value) && value.at(step.index) !== undefined ? [value.at(step.index)] : [];
    case "slice":
      return Array.isArray(value) ? value.slice(step.start, step.end) : [];
    case "all":
      return Object.values(value);
    case "filter":
      if (!Array.isArray(value)) return [];
      return value.filter((one: unknown) => {
        const found = step.path.reduce<readonly unknown[]>(
          (values, name) => values.flatMap((v) => field(v, name)),
          [one],
        );
        const { comparison } = step;
        if (!comparison) return found.length > 0;
        return found.length === 1 && compare(found[0], comparison.operator, comparison.value);
      });
    default:
      return step satisfies never;
  }
}

function field(value: unknown, name: string): readonly unknown[] {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return [];
  const found = (value as Readonly<Record<string, unknown>>)[name];
  return found === undefined || found === null ? [] : [found];
}
