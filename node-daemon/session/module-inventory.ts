/** `prepared`: translated and compiled, a start costs nothing more. */
export type ModuleState = "fetched" | "prepared";

/** Where a session gets from which modules this node has, as templates name them. */
export interface ModuleInventory {
  images(): readonly string[];
  /** undefined: it is not here. */
  stateOf(image: string): ModuleState | undefined;
  /** One listener: the session that there is. */
  onChange(listener: (image: string) => void): void;
}
