/** Runs `up` with fake children in a process of its own, to be killed: `node run-up.ts STATE_DIRECTORY`. */
import { systemClock } from "../../kit/clock.ts";
import { up } from "../local/up.ts";
import { fakeUpOptions } from "./up-options.ts";

const never = new AbortController().signal;
const onReady = () => void process.send?.("ready");
const onNotice = () => {};
await up(
  fakeUpOptions(process.argv[2] ?? ""),
  { onReady, onNotice },
  { stop: never, kill: never },
  systemClock,
);
