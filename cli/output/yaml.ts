import { stringify } from "yaml";

/** YAML as kubectl prints it: keys sorted, lists not indented, and quoted wherever YAML 1.1 would read something else. */
export function toYaml(value: unknown): string {
  return stringify(value, {
    schema: "yaml-1.1",
    sortMapEntries: true,
    indentSeq: false,
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
}
