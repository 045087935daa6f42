import type { ApiObject } from "../../../api/object-meta.ts";
import type { Column, ResourceDefinition } from "../resource.ts";
import { humanDuration } from "../../../kit/human-duration.ts";
import { compileJsonPath } from "./json-path.ts";
import { partialMetadata } from "./partial-metadata.ts";

export type IncludeObject = "None" | "Metadata" | "Object";

type CellOf = (object: ApiObject, nowMs: number) => unknown;

const nameColumn = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name must be unique within a namespace.",
  priority: 0,
};

/** Prints objects of one kind as meta.k8s.io Tables. */
export class TablePrinter {
  readonly #definitions: readonly object[];
  readonly #cells: readonly CellOf[];

  constructor(resource: ResourceDefinition) {
    // Events are listed by what they say; their own name is one of the last columns.
    const named = resource.strategicMerge && resource.columns.some(({ name }) => name === nameColumn.name);
    this.#definitions = [
      ...(named ? [] : [nameColumn]),
      ...resource.columns.map(({ name, type, format, description, priority }) => ({
        name,
        type,
        format,
        description: description || name,
        priority,
      })),
    ];
    this.#cells = [
      ...(named ? [] : [(object: ApiObject) => object.metadata.name]),
      ...resource.columns.map(cellOf),
    ];
  }

  /** What every table of this kind begins with, and the function that makes its rows. */
  table(options: {
    /** Of meta.k8s.io. */
    readonly version: string;
    readonly include: IncludeObject;
    readonly nowMs: number;
    readonly columns: boolean;
  }): { readonly head: object; readonly row: (object: ApiObject) => object } {
    const apiVersion = `meta.k8s.io/${options.version}`;
    const { include, nowMs } = options;
    return {
      head: { kind: "Table", apiVersion, columnDefinitions: options.columns ? this.#definitions : [] },
      row: (object) => ({
        cells: this.#cells.map((cell) => cell(object, nowMs) ?? null),
        ...(include === "None"
          ? {}
          : { object: include === "Object" ? object : partialMetadata(object, apiVersion) }),
      }),
    };
  }
}

function cellOf({ cell, type }: Column): CellOf {
  if (cell.kind === "function") return cell.of;
  const path = compileJsonPath(cell.path);
  return (object, nowMs) => {
    const values = path(object);
    if (values.length === 0) return null;
    switch (type) {
      case "date": {
        const time = Date.parse(String(values[0]));
        return Number.isNaN(time) ? "<unknown>" : humanDuration(nowMs - time);
      }
      case "integer":
      case "number":
        return typeof values[0] === "number" ? values[0] : null;
      case "boolean":
        return typeof values[0] === "boolean" ? values[0] : null;
      default:
        // As kubectl's JSONPath prints several results.
        return values.map(cellText).join(" ");
    }
  };
}

function cellText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
