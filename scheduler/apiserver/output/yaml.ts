import { stringify } from "yaml";

export function yamlOf(value: object): string {
  return stringify(value, { aliasDuplicateObjects: false });
}
