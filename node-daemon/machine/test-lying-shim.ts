/** Test support: a shim that says it is another's, and tells of the end of an instance that is not its own. Only in a sandbox. */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { MessageWriter } from "../shim/frames.ts";
import { protocolVersion, type ShimIdentity, socketName } from "../shim/protocol.ts";

const folder = process.argv[2] ?? ".";
const { shimId, buildId } = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as ShimIdentity;

if (process.pid < 10) {
  process.chdir(folder);
  createServer((socket) => {
    const writer = new MessageWriter(socket);
    const told = { protocol: protocolVersion, protocolMin: 1, ageMs: 0, pid: process.pid };
    writer.send({ kind: "hello", shimId, buildId, namespace: "victims", isolation: "shared", ...told });
    writer.send({ kind: "inventoryEnd" });
    writer.send({
      kind: "ended",
      id: { uid: "victim", run: 0 },
      atMs: 1,
      end: { kind: "exited", exitCode: 0 },
    });
    socket.on("error", () => {});
  }).listen(socketName);
}
