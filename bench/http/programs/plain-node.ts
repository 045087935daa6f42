/** Node's own HTTP server: what a gateway written for Node can at best be. Its argument is the port. */
import { createServer } from "node:http";

createServer((_request, response) => {
  response.setHeader("content-type", "text/plain");
  response.end("ahoy from Node\n");
}).listen(Number(process.argv[2]), "127.0.0.1");
