import type { Command } from "commander";
import type { Connection } from "./connection.ts";
import type { Terminal } from "./terminal.ts";

/** What a command's file exports. `define` adds its options and its action to the empty command. */
export interface CommandModule {
  readonly define: (command: Command, context: CommandContext) => void;
  /** The exit code of a failure, where 1 means something else. */
  readonly failureCode?: number;
}

export interface CommandContext {
  readonly terminal: Terminal;
  /** The cluster that the flags choose. Nothing is read before the first call, and there is only one. */
  readonly connect: () => Promise<Connection>;
  /** Whether the user chose a namespace. */
  readonly namespaceGiven: () => boolean;
}
