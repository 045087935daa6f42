/** A reverse proxy of Node's own pieces, with nothing that a gateway has to do besides. Arguments: its port and the backend's. */
import { Agent, createServer, request } from "node:http";

const [port = 0, backend = 0] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

createServer((incoming, response) => {
  const { method, url, headers } = incoming;
  const outgoing = request(
    { agent, host: "127.0.0.1", port: backend, method, path: url, headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  outgoing.once("error", () => response.destroy());
  incoming.pipe(outgoing);
}).listen(port, "127.0.0.1");
