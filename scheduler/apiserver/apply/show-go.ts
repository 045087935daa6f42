import { isObject } from "../resource.ts";

const shownLengthMax = 500;

/** A value as Go's %v prints it, which is how Kubernetes' messages show values; not at length. */
export function showGo(value: unknown): string {
  const text = show(value);
  return text.length <= shownLengthMax ? text : `${text.slice(0, shownLengthMax)}…`;
}

function show(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(show).join(" ")}]`;
  if (isObject(value))
    return `map[${Object.keys(value)
      .sort()
      .map((name) => `${name}:${show(value[name])}`)
      .join(" ")}]`;
  return typeof value === "string" ? value : JSON.stringify(value);
}
