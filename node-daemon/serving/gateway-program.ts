/** The program of a gateway, and the flags of the engine that it runs with. */
import { createHash } from "node:crypto";
import { controlVersion, type GatewayConfig } from "../gateway/control.ts";
import { installOwnProgram, type OwnProgram } from "../own-program.ts";

const entries = ["node-daemon/gateway/main"];

/** Requests make garbage quickly, and little of it lives: a larger young generation is collected less often. */
const nodeFlags = ["--disable-warning=ExperimentalWarning", "--max-semi-space-size=16"];

export interface GatewayProgram {
  readonly program: OwnProgram;
  /** Its folder follows. */
  readonly command: readonly string[];
}

export function installGatewayProgram(programsRoot: string): GatewayProgram {
  const program = installOwnProgram(entries, programsRoot);
  return { program, command: [process.execPath, ...nodeFlags, program.mainFile] };
}

/** A gateway that was started with anything else is replaced. Ends in the program's version. */
export function buildIdOf(
  version: string,
  command: readonly string[],
  config: Omit<GatewayConfig, "gatewayId" | "buildId">,
): string {
  const hash = createHash("sha256").update(JSON.stringify([command, config]));
  return `${process.version}-c${controlVersion}-${hash.digest("hex").slice(0, 12)}-${version}`;
}
