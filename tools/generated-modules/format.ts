/** A value as the two forms of a module must show it alike: what belongs to an instance is named by its kind. */
export function format(value: unknown): string {
  switch (typeof value) {
    case "function":
      return "function";
    case "object":
      if (value === null) return "null";
      return Object.getPrototypeOf(value) === null ? "aggregate" : JSON.stringify(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    default:
      return String(value);
  }
}
