/** The store's worker, which dies when a commit says so: `/die-before` it is written, or `/die-after`, without answering. */
import { parentPort } from "node:worker_threads";
import type { WorkerRequest } from "../messages.ts";

const port = parentPort;
if (!port) throw new Error("this is a worker");
const keys = ({ request }: { readonly request: WorkerRequest }) =>
  request.kind === "commit" ? request.commits.flat().map((write) => write.key) : [];
port.on("message", (message: { readonly request: WorkerRequest }) => {
  if (keys(message).includes("/die-before")) process.exit(1);
  if (keys(message).includes("/die-after")) port.postMessage = () => process.exit(1);
});
await import("../worker.ts");
