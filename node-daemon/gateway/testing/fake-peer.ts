import type { RequestHead } from "../../link/exchange.ts";
import type { TestGateway } from "./test-gateway.ts";

/** Sends a request as another gateway does. Answers what that gets to hear, as it comes. */
export function relayed(
  gateway: TestGateway,
  workload: string,
  body?: string,
  call?: RequestHead["call"],
): string[] {
  const events: string[] = [];
  gateway.gateway.answer({
    head: {
      target: { kind: "workload", uid: workload, templateHash: "" },
      method: "POST",
      scheme: "http",
      authority: "a",
      path: "/",
      matchedPath: "",
      headers: ["x-b", "2"],
      clientAddress: "1.2.3.4",
      clientPort: 5,
      timeoutMs: 0,
      bodyLength: body === undefined ? 0 : undefined,
      ...(call && { call }),
    },
    listen: (listener) => {
      if (body !== undefined) listener.data(Buffer.from(body));
      listener.end([]);
    },
    consumed: () => {},
    respond: ({ status, headers }) => void events.push(`head ${status} ${headers.join()}`),
    write: (bytes) => events.push(`data ${Buffer.from(bytes).toString()}`) > 0,
    end: () => void events.push("end"),
    fault: (fault) => void events.push(`${fault.kind} ${fault.kind === "cancelled" ? "" : fault.reason}`),
  });
  return events;
}
