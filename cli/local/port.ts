import { createServer } from "node:net";
import { errorCode } from "../../kit/errors.ts";
import { Failure } from "../failure.ts";

/** Fails with what to do when somebody listens on the port already. Port 0 is always free. */
export async function requireFreePort(port: number, what: string): Promise<void> {
  if (port === 0) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const server = createServer();
  server.once("error", (error) => {
    const code = errorCode(error);
    const why =
      code === "EADDRINUSE"
        ? "is used by another process"
        : code === "EACCES"
          ? "may not be used by this user"
          : `cannot be used: ${error.message}`;
    reject(new Failure(`port ${port} (for ${what}) ${why}; choose another with --port`, { cause: error }));
  });
  server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve()));
  await promise;
}
