// Stands in for the scheduler and a node daemon: reports ready, writes a log line, records how it ends.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const flag = (name) => process.argv[process.argv.indexOf(`--${name}`) + 1];
const isNode = process.argv.includes("--name");
const name = isNode ? `node-${flag("name")}` : "scheduler";
const root = isNode ? join(flag("state-dir"), "..", "..") : dirname(dirname(flag("token-file")));
const record = (text) => appendFileSync(join(root, "journal"), `${name} ${text}\n`);

writeFileSync(join(root, `${name}.args`), JSON.stringify(process.argv.slice(2)));
if (existsSync(join(root, `${name}.broken`))) {
  console.error("cannot go on");
  process.exit(3);
}
const complaint = join(root, `${name}.complaint`);
if (existsSync(complaint)) {
  console.error("a line of its log");
  const message = readFileSync(complaint, "utf8");
  await new Promise((resolve) => process.send({ kind: "failed", message }, resolve));
  process.exit(1);
}
record(`start ${process.pid}`);
const stop = (why) => {
  record(`stop ${why}`);
  console.error(JSON.stringify({ level: 40, time: 2, name, msg: "a warning of its end" }));
  console.error(JSON.stringify({ level: 50, time: 2, name, msg: "an error of its end" }));
  process.exit(0);
};
process.on("SIGTERM", () => stop("SIGTERM"));
process.on("disconnect", () => stop("disconnect"));
process.on("SIGUSR1", () => process.exit(9));
console.error(JSON.stringify({ level: 40, time: 1, name, msg: "a warning", code: 7 }));
process.send(
  isNode
    ? {
        kind: "ready",
        name: flag("name"),
        capacity: { cpuMillis: 2000, memoryBytes: 2 ** 34, instances: 8000 },
        urls: [],
        runtimes: ["v8"],
      }
    : {
        kind: "ready",
        url: "https://127.0.0.1:17443",
        nodesAddress: "127.0.0.1:17444",
        ...(existsSync(join(root, "read-only")) && { readOnly: "a page is damaged" }),
      },
);
setInterval(() => {}, 1e6);
