/** A program that tries to open a stream to the address which is its argument, and has nothing else to do. */
import { systemClock } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import { CallStream } from "../call-stream.ts";

const target = { endpoint: { node: "a", address: process.argv[2] ?? "" }, token: "t", caBundle: "" };
const events = { response() {}, drain() {}, leaving() {}, closed() {} };
const { signal } = new AbortController();
try {
  await CallStream.open(target, events, { clock: systemClock, connectMs: 50, signal });
} catch (thrown) {
  process.stdout.write(`${errorMessage(thrown)}\n`);
}
