/** A process with a request socket in a folder: answers `/answer`, begins an answer to `/begin`, and keeps everything else. */
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import { listenRequests } from "./shim-requests.ts";

const [folder = "."] = process.argv.slice(2);
await listenRequests(
  folder,
  (exchange) => {
    exchange.listen({ data() {}, end() {}, cancelled() {}, drain() {} });
    process.send?.({ path: exchange.head.path });
    if (exchange.head.path === "/keep") return;
    exchange.respond({ status: 200, headers: [] });
    exchange.write(Buffer.from("some of it"));
    if (exchange.head.path === "/answer") exchange.end({ trailers: [] });
  },
  { clock: systemClock, log: silentLog },
);
process.send?.({ path: "" });
