import type { ApiObject } from "../../../api/object-meta.ts";
import type { Column, ResourceDefinition } from "../resource.ts";
import { humanDuration } from "../../../kit/human-duration.ts";
import { compileJsonPath } from "../../../kit/json-path.ts";
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

  constructor(resource: Pick<ResourceDefinition, "columns" | "strategicMerge">) {
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
    // Of several values only the first is shown, as by a real server.
    const [value] = path(object);
    return value === undefined ? null : cellValue(type, value, nowMs);
  };
}

function cellValue(type: string, value: unknown, nowMs: number): unknown {
  switch (type) {
    case "date":
      return typeof value === "string" ? ageText(value, nowMs) : null;
    case "integer":
      return typeof value === "number" ? Math.trunc(value) : null;
    case "number":
      return typeof value === "number" ? value : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    default:
      return cellText(value);
  }
}

const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

function ageText(text: string, nowMs: number): string {
  if (text === "") return "<unknown>";
  const time = timeForm.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? "<invalid>" : humanDuration(nowMs - time);
}

function cellText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
