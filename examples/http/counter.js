// A handler in terms of wasi:http itself: unlike one that listens to `fetch`, an instance of it answers many requests, one
// after the other, and remembers what it counted. `npm run guests -- http/counter` makes a component of it, counter.wasm.
import { Fields, OutgoingBody, OutgoingResponse, ResponseOutparam } from "wasi:http/types@0.2.10";

const encoder = new TextEncoder();
let requests = 0;

export const incomingHandler = {
  handle(request, responseOut) {
    requests += 1;
    const headers = Fields.fromList([["content-type", encoder.encode("text/plain")]]);
    const response = new OutgoingResponse(headers);
    const body = response.body();
    ResponseOutparam.set(responseOut, { tag: "ok", val: response });
    {
      using output = body.write();
      output.blockingWriteAndFlush(encoder.encode(`request ${requests} of this instance: ${request.pathWithQuery()}\n`));
    }
    OutgoingBody.finish(body, undefined);
  },
};
