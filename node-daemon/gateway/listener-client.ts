import type { AnswerListener, CallerExchange, RequestHead } from "../link/exchange.ts";
import type { ExchangeClient } from "./ports.ts";

export class ListenerClient implements ExchangeClient {
  constructor(_address: string, _port: number) {}

  open(_head: RequestHead, listener: AnswerListener): CallerExchange {
    queueMicrotask(() =>
      listener.fault({ kind: "refused", reason: "broken", message: "not yet", retryAfterMs: 0 }),
    );
    return { write: () => true, end() {}, consumed() {}, cancel() {} };
  }

  close(): void {}
}
