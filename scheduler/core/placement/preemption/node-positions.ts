import type { Snapshot } from "../snapshot.ts";

/** Where nodes stand in snapshots, by name. Costs as much as there are nodes, once per layout. */
export class NodePositions {
  readonly #positions = new Map<string, number>();
  #layout: number | undefined;

  of(snapshot: Snapshot, nodeName: string): number | undefined {
    if (this.#layout !== snapshot.layout) this.#positions.clear();
    this.#layout = snapshot.layout;
    // Within a layout nodes are only added, at the end.
    for (let position = this.#positions.size; position < snapshot.size; position++)
      this.#positions.set(snapshot.at(position).node.name, position);
    return this.#positions.get(nodeName);
  }
}
