/** One line of a description: how deep it stands, and its label with the value beside it. */
export interface DescribedLine {
  readonly depth: number;
  readonly label: string;
  readonly value: string;
  /** The first of a list's item. */
  readonly begins?: true;
}

const acronyms = new Set(["url", "uid", "tls", "http"]);

/** `replicaCount` as `Replica Count`. Keys that are not a field's name (labels, file names) stay as they are. */
export function fieldLabel(key: string): string {
  if (!/^[a-z][a-zA-Z0-9]*$/.test(key)) return key;
  if (acronyms.has(key)) return key.toUpperCase();
  const words = key.replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Any value as lines with their depth: objects by field, lists item after item. */
export function describeValue(label: string, value: unknown, depth: number): readonly DescribedLine[] {
  if (Array.isArray(value)) return describeList(label, value, depth);
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) return [{ depth, label, value: "<none>" }];
    return [
      { depth, label, value: "" },
      ...entries.flatMap(([key, item]) => describeValue(fieldLabel(key), item, depth + 1)),
    ];
  }
  return describeScalar(label, value, depth);
}

function describeList(label: string, items: readonly unknown[], depth: number): readonly DescribedLine[] {
  if (items.length === 0) return [{ depth, label, value: "<none>" }];
  if (items.every((item) => typeof item !== "object" || item === null)) {
    return [
      { depth, label, value: "" },
      ...items.map((item) => ({ depth: depth + 1, label: "", value: scalarText(item) })),
    ];
  }
  return [
    { depth, label, value: "" },
    ...items.flatMap((item) => {
      const lines = describeValue("", item, depth).slice(1);
      return lines.map((line, index) => (index === 0 ? { ...line, begins: true as const } : line));
    }),
  ];
}

function describeScalar(label: string, value: unknown, depth: number): readonly DescribedLine[] {
  const [first = "", ...rest] = scalarText(value).replace(/\n$/, "").split("\n");
  return [{ depth, label, value: first }, ...rest.map((line) => ({ depth, label: "", value: line }))];
}

function scalarText(value: unknown): string {
  if (value === null || value === undefined) return "<unset>";
  return typeof value === "string" ? (value === "" ? `""` : value) : JSON.stringify(value);
}

/** Lines as text, the values of neighbouring lines of one depth under each other. */
export function formatLines(lines: readonly DescribedLine[]): string {
  const out: string[] = [];
  for (let start = 0; start < lines.length;) {
    const depth = lines[start]?.depth ?? 0;
    let end = start;
    while (end < lines.length && lines[end]?.depth === depth) end++;
    const run = lines.slice(start, end);
    const width = Math.max(
      ...run.map(({ label, value }) => (value === "" || label === "" ? 0 : label.length + 1)),
    );
    out.push(...run.map((line) => formatLine(line, width)));
    start = end;
  }
  return out.map((line) => `${line}\n`).join("");
}

function formatLine({ depth, label, value, begins }: DescribedLine, width: number): string {
  const indent = begins ? `${"  ".repeat(depth - 1)}- ` : "  ".repeat(depth);
  if (label === "") return `${indent}${" ".repeat(width === 0 ? 0 : width + 2)}${value}`;
  if (value === "") return `${indent}${label}:`;
  return `${indent}${`${label}:`.padEnd(width)}  ${value}`;
}

/** A table inside a description, with a line under its header, as kubectl has it. */
export function formatSection(
  title: string,
  header: readonly string[],
  rows: readonly (readonly string[])[],
  formatColumns: (rows: readonly (readonly string[])[]) => string,
): string {
  if (rows.length === 0) return `${title}:  <none>\n`;
  const rule = header.map((name) => "-".repeat(name.length));
  const table = formatColumns([header, rule, ...rows]);
  return `${title}:\n${table.replaceAll(/^/gm, "  ").replaceAll(/[ ]+$/gm, "")}`;
}
