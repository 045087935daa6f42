import type { LogSender } from "../../node-daemon/session/log-sender.ts";

/** Answers whoever reads an instance's log: a pretended guest says nothing but this. */
export const hollowLog: Pick<LogSender, "send"> = {
  send(client, { streamId, uid }) {
    const call = client.sendLog(() => {});
    call.on("error", () => {});
    call.write({ streamId });
    call.write({ data: Buffer.from(`instance ${uid} is pretended by a hollow node and writes no log\n`) });
    call.end();
  },
};
