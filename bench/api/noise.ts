/** A client that keeps thousands of requests in flight, in a process of its own, until its parent lets go of it. */
import { readFileSync } from "node:fs";
import { Connection, openMany } from "./connection.ts";
import { configMaps, createConfigMap } from "./objects.ts";

const connectionCount = 500;

export interface NoiseCounts {
  readonly served: number;
  readonly refused: number;
  readonly other: number;
}

export interface NoiseCounts {
  readonly served: number;
  readonly refused: number;
  readonly other: number;
  /** That were opened again. */
  readonly connections: number;
}

const [url = "", caFile = "", token = "", namespace = "", inFlight = "0"] = process.argv.slice(2);
const access = { url, ca: readFileSync(caFile), token };
const lanes = Number(inFlight) / connectionCount;
const counts = { served: 0, refused: 0, other: 0, connections: 0 };
let turn = 0;

/** As soon as one request is answered the next is sent; a refusal, too, is answered by asking again. */
async function ask(connection: Connection): Promise<void> {
  for (;;) {
    // A short answer: with long ones Node stops in the middle of requests that wait for it, and fails them (HPE_PAUSED).
    const list = { path: `${configMaps(namespace)}?limit=1` };
    const call = turn++ % 2 === 0 ? list : createConfigMap(namespace, `noise-${turn}`);
    const { status } = await connection.send(call);
    if (status < 300) counts.served++;
    else if (status === 429) counts.refused++;
    else counts.other++;
  }
}

/** A connection that the server closes is opened again. */
async function keepAsking(first: Connection): Promise<never> {
  for (let connection = first; ; counts.connections++, connection = await Connection.open(access, "noise"))
    await Promise.allSettled(Array.from({ length: lanes }, () => ask(connection)));
}

process.once("disconnect", () => process.exit(0));
process.on("message", () => process.send?.({ ...counts }));
const connections = await openMany(access, connectionCount, "noise");
process.send?.({ ...counts });
await Promise.all(connections.map(keepAsking));
