import { WherryError } from "../../../kit/errors.ts";
import type { NodeSession } from "../../nodes/node-port.ts";

/** Commands to a node that is only thought of. */
export function pretendedSession(nodeName: string, stop: (uid: string) => void): NodeSession {
  return {
    nodeName,
    assign: () => {},
    stop,
    acknowledge: () => {},
    updateContents: () => 0,
    contentsOwners: () => [],
    updateGateway: () => 0,
    openLog: () => {
      throw new WherryError("LogUnavailable", `node ${nodeName} is only simulated`);
    },
    close: () => {},
  };
}
