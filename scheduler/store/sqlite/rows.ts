import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

/** A row as a list of its columns. */
export type Row = readonly (string | number | null)[];

/** A prepared statement whose rows are lists: they take half the time of objects. */
export class RowStatement {
  readonly #statement: StatementSync;

  constructor(db: DatabaseSync, sql: string) {
    this.#statement = db.prepare(sql);
    this.#statement.setReturnArrays(true);
  }

  get(...values: readonly SQLInputValue[]): Row | undefined {
    // The declarations of node:sqlite know rows as objects only; the same in the two below.
    return this.#statement.get(...values) as unknown as Row | undefined;
  }

  all(...values: readonly SQLInputValue[]): readonly Row[] {
    return this.#statement.all(...values) as unknown as readonly Row[];
  }

  iterate(...values: readonly SQLInputValue[]): Iterable<Row> {
    return this.#statement.iterate(...values) as unknown as Iterable<Row>;
  }
}
