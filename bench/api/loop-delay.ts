import type { Figure } from "../figure.ts";
import type { Connection } from "./connection.ts";

/**
 * The scheduler's event-loop delay, as its own metrics tell it: since they were read last. It is measured with a timer of
 * 10 ms, which is in every value; what an idle process has is the figure to compare with.
 */
export async function loopDelay(control: Connection, during: string): Promise<readonly Figure[]> {
  const { text } = await control.expect(200, { path: "/metrics", accept: "*/*", textBytesMax: 2 ** 20 });
  const ms = (name: string) =>
    Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)$`, "m").exec(text)?.[1]) * 1_000;
  return [
    { name: `  event-loop delay, ${during}, p99`, value: ms("p99"), unit: "ms" },
    { name: `  event-loop delay, ${during}, longest`, value: ms("max"), unit: "ms" },
  ];
}
