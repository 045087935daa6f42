import type { Command } from "commander";
import type { CommandContext } from "../command.ts";
export function define(command: Command, context: CommandContext): void {
  void command;
  void context;
}
