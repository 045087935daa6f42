/** A daemon as tests start it: on a folder of theirs, with a driver that only pretends. */
import { join } from "node:path";
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import { systemRandom } from "../../kit/random.ts";
import { Daemon } from "../daemon.ts";
import { ConditionBoard } from "../machine/condition-board.ts";
import { parseMachineFlags } from "../machine/machine-options.ts";
import type { Room } from "../machine/room.ts";
import type { DaemonOptions } from "../options.ts";
import type { GatewayProgram } from "../serving/gateway-program.ts";
import { noServing } from "../serving/serving-options.ts";
import type { TlsFiles } from "./certificates.ts";
import type { FakeDriver } from "./fake-driver.ts";

/** A machine that has enough of everything, whatever the one has on which the tests run. */
export const plenty: Room = {
  memory: () => ({ availableBytes: 2 ** 34, capacityBytes: 2 ** 35, stalledShare: 0 }),
  disk: () => Promise.resolve({ availableBytes: 2 ** 34, capacityBytes: 2 ** 35, inodesFreeShare: 1 }),
};

export interface TestDaemonOptions {
  /** Modules are in its folder `modules`, the daemon's own state in `state`. */
  readonly root: string;
  /** The scheduler's. */
  readonly port: number;
  readonly tls: TlsFiles;
  readonly driver: FakeDriver;
  readonly given?: Partial<DaemonOptions>;
  readonly room?: Room | undefined;
  readonly gatewayProgram?: GatewayProgram;
}

export async function startTestDaemon({
  root,
  port,
  tls,
  driver,
  given = {},
  room = plenty,
  gatewayProgram,
}: TestDaemonOptions): Promise<Daemon> {
  const capacity = {
    cpuMillis: 2000,
    memoryBytes: 2 ** 30,
    instances: 100,
    processes: 10,
    extended: { "example.com/camera": 2 },
  };
  const options: DaemonOptions = {
    name: "n1",
    scheduler: `localhost:${port}`,
    tls,
    stateDir: join(root, "state"),
    allowedHostPaths: [{ path: join(root, "modules") }],
    allowedListen: [],
    allowedLoopback: [],
    reservedHostPaths: [],
    labels: { zone: "a" },
    capacity,
    allocatable: capacity,
    logLevel: "silent",
    keepInstancesOnExit: false,
    machine: parseMachineFlags({}),
    shimAgeMsMax: 3_600_000,
    orphanMs: undefined,
    serving: noServing,
    tracing: undefined,
    ...given,
  };
  const conditions = new ConditionBoard(systemClock, silentLog, [
    { type: "Confinement", status: true, reason: "BubblewrapWorks", message: "it works" },
  ]);
  const parts = {
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    version: "0",
    drivers: [driver],
    conditions,
    room,
    ...(gatewayProgram && { gatewayProgram }),
  };
  return await Daemon.start(options, parts, new AbortController().signal);
}
