/**
 * What creates are compared with, a process of its own: a bare HTTPS server that does one durable insert with node:sqlite
 * for each request and nothing else.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";

const [file = "", key = "", cert = ""] = process.argv.slice(2);
const db = new DatabaseSync(file);
db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
db.exec("CREATE TABLE entry (id INTEGER PRIMARY KEY, value TEXT NOT NULL)");
const insert = db.prepare("INSERT INTO entry (value) VALUES (?)");

const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
  let text = "";
  request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  request.on("end", () => {
    insert.run(text);
    response.writeHead(201, {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(text),
    });
    response.end(text);
  });
});
server.listen(0, "127.0.0.1", () => {
  // A TCP server always has an AddressInfo.
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.once("disconnect", () => process.exit(0));
