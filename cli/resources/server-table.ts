import type { ApiObject } from "../../api/object-meta.ts";
import { cellText } from "../output/table.ts";
import { ageOf } from "../output/age.ts";
import { objectReference, type Resource } from "./resource.ts";

/** Asks for metav1.Table, and takes plain objects from a server that has none. */
export const tableAccept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

export interface TableColumn {
  readonly name: string;
  /** 0 is always shown, more only with `-o wide`. */
  readonly priority?: number;
}

interface TableRow {
  readonly cells: readonly unknown[];
  readonly object?: { readonly metadata?: ApiObject["metadata"] };
}

/** What a list or a watch event with {@link tableAccept} brings. */
export interface TableAnswer {
  readonly kind?: string;
  readonly columnDefinitions?: readonly TableColumn[] | null;
  readonly rows?: readonly TableRow[] | null;
  readonly items?: readonly ApiObject[];
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
}

export interface TableView {
  readonly wide: boolean;
  readonly showNamespace: boolean;
  readonly showLabels: boolean;
  /** Names with their kind, when several kinds are shown. */
  readonly showKind: boolean;
}

const plainColumns: readonly TableColumn[] = [{ name: "Name" }, { name: "Age" }];

/** Turns the server's tables of one resource into rows of text. Remembers the columns, which only the first has. */
export class TableReader {
  readonly #resource: Resource;
  readonly #view: TableView;
  readonly #now: () => number;
  #columns: readonly TableColumn[] = [];

  constructor(resource: Resource, view: TableView, now: () => number) {
    this.#resource = resource;
    this.#view = view;
    this.#now = now;
  }

  /** Rows of text. Call before {@link TableReader.header}, which they define. */
  rows(answer: TableAnswer): readonly (readonly string[])[] {
    const table = answer.kind === "Table" ? answer : this.#asTable(answer);
    if (table.columnDefinitions?.length) this.#columns = table.columnDefinitions;
    return (table.rows ?? []).map((row) => this.#row(row));
  }

  header(): readonly string[] {
    return this.#frame(
      "NAMESPACE",
      this.#shown(this.#columns.map(({ name }) => name.toUpperCase())),
      "LABELS",
    );
  }

  #row({ cells, object }: TableRow): readonly string[] {
    const text = this.#shown(cells.map(cellText));
    if (this.#view.showKind) text[0] = objectReference(this.#resource, text[0] ?? "");
    const labels = Object.entries(object?.metadata?.labels ?? {}).map(([key, value]) => `${key}=${value}`);
    return this.#frame(object?.metadata?.namespace ?? "", text, labels.join(",") || "<none>");
  }

  #shown(cells: readonly string[]): string[] {
    return cells.filter((_, index) => this.#view.wide || !this.#columns[index]?.priority);
  }

  #frame(namespace: string, cells: readonly string[], labels: string): readonly string[] {
    return [
      ...(this.#view.showNamespace ? [namespace] : []),
      ...cells,
      ...(this.#view.showLabels ? [labels] : []),
    ];
  }

  #asTable(answer: TableAnswer): TableAnswer {
    const objects = answer.items ?? [answer as unknown as ApiObject];
    const rows = objects.map((object) => ({
      cells: [object.metadata.name, ageOf(object.metadata.creationTimestamp, this.#now())],
      object,
    }));
    return { columnDefinitions: plainColumns, rows };
  }
}
