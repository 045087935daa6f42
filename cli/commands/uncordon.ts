import type { Command } from "commander";
import type { CommandContext } from "../command.ts";
import { defineCordon } from "../nodes/cordon-command.ts";

export function define(command: Command, context: CommandContext): void {
  defineCordon(command, context, false);
}
