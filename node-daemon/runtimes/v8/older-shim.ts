/** Test support: a process that speaks the first version of the protocol, `node older-shim.ts FOLDER`. Hosts two runs that are not there. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";

const folder = process.argv[2] ?? ".";
const identity = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as object;
interface Id {
  readonly uid: string;
  readonly run: number;
}
const runs = new Map<string, { readonly id: Id; ended?: object }>([
  ["long", { id: { uid: "long", run: 3 } }],
  ["over", { id: { uid: "over", run: 0 }, ended: { atMs: 5, end: { kind: "exited", exitCode: 4 } } }],
]);

function send(socket: Socket, ...messages: readonly object[]): void {
  const text = Buffer.from(JSON.stringify(messages));
  const header = Buffer.alloc(4);
  header.writeUInt32LE(text.length);
  socket.write(Buffer.concat([header, text]));
}

function receive(socket: Socket, message: { kind: string; uid?: string; id?: Id; when?: string }): void {
  if (message.kind === "stop") {
    const run = runs.get(message.uid ?? "");
    if (!run) return;
    run.ended = { atMs: 6, end: { kind: "stopped" } };
    send(socket, { kind: "usage", usages: [{ id: run.id, cpuUs: 7, memoryBytes: 8 }] });
    send(socket, { kind: "ended", id: run.id, ...run.ended });
  } else if (message.kind === "settle") runs.delete(message.id?.uid ?? "");
  else if (message.kind === "exit" && (message.when === "now" || runs.size === 0)) process.exit(0);
  // What it does not know it lets pass.
}

const server = createServer((socket) => {
  let rest = Buffer.alloc(0);
  send(socket, { kind: "hello", protocol: 1, pid: process.pid, ...identity });
  for (const { id, ended } of runs.values()) {
    send(socket, { kind: "run", id, startedMs: 1_000, logsDropped: false, ...(ended && { ended }) });
  }
  send(socket, { kind: "inventoryEnd" });
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32LE(0)) {
      const end = 4 + rest.readUInt32LE(0);
      for (const message of JSON.parse(rest.toString("utf8", 4, end)) as { kind: string }[])
        receive(socket, message);
      rest = rest.subarray(end);
    }
  });
});
server.listen(join(folder, "shim.sock"), () => {
  writeFileSync(join(folder, "process.json"), JSON.stringify({ pid: process.pid }));
});
