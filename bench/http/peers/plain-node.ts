import { fileURLToPath } from "node:url";
import { startProgram, type RunningServer, type Server } from "../server.ts";

export const plainNode: Server = { name: "plain Node", start: () => startNode("plain-node.ts", []) };

export const plainProxy: Server = {
  name: "plain Node behind a plain Node proxy",
  async start() {
    const backend = await plainNode.start();
    try {
      const proxy = await startNode("plain-proxy.ts", [new URL(backend.url).port]);
      return {
        url: proxy.url,
        pids: () => [...proxy.pids(), ...backend.pids()],
        stop: async () => {
          await proxy.stop();
          await backend.stop();
        },
      };
    } catch (thrown) {
      await backend.stop();
      throw thrown;
    }
  },
};

function startNode(name: string, more: readonly string[]): Promise<RunningServer> {
  const program = fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
  return startProgram(process.execPath, (port) => [program, String(port), ...more]);
}
