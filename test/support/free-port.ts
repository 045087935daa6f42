import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** Of the loopback address; nobody has it at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // It listens on a port, not on a path.
  server.close();
  await once(server, "close");
  return port;
}
