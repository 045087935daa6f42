/** Answers every heartbeat of a session and does nothing else: the baseline of what messages between two processes cost. */
import { readFileSync } from "node:fs";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import type { NodeMessage__Output } from "../../proto/gen/wherry/v1/NodeMessage.ts";
import type { SchedulerMessage } from "../../proto/gen/wherry/v1/SchedulerMessage.ts";
import { NodeService } from "../../proto/node-service.ts";

const [ca = "", certificate = "", key = ""] = process.argv.slice(2).map((file) => readFileSync(file));
const server = new Server();
server.addService(NodeService.service, {
  Session: (call: ServerDuplexStream<NodeMessage__Output, SchedulerMessage>) => {
    call.on("data", () => call.write({ epoch: 1, heartbeatAnswer: {} }));
    call.on("end", () => call.end());
    call.on("error", () => {});
  },
});
const credentials = ServerCredentials.createSsl(
  Buffer.from(ca),
  [{ private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) }],
  true,
);
server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
  if (error) throw error;
  process.send?.({ port });
});
process.once("disconnect", () => process.exit(0));
