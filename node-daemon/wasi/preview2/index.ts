import type { OfferedInterface } from "../component-interfaces.ts";
import { cliInterfaces } from "./cli.ts";
import { clocksInterfaces } from "./clocks.ts";
import { filesystemInterfaces } from "./filesystem.ts";
import { httpInterfaces } from "./http.ts";
import { ioInterfaces } from "./io.ts";
import { randomInterfaces } from "./random.ts";
import { socketsInterfaces } from "./sockets.ts";

/** All of WASI 0.2 that components may import. */
export const preview2Interfaces: readonly OfferedInterface[] = [
  ...cliInterfaces,
  ...clocksInterfaces,
  ...filesystemInterfaces,
  ...httpInterfaces,
  ...ioInterfaces,
  ...randomInterfaces,
  ...socketsInterfaces,
];
