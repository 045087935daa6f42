// A server that nobody here wrote: @scalar/void-server of npm, which mirrors requests as JSON, HTML, XML or an archive, with
// the framework (Hono) that it is made with. `npm run guests -- http/mirror` fetches it and makes a component, mirror.wasm.
import { createVoidServer } from "@scalar/void-server";

const server = createVoidServer({ logger: false });
addEventListener("fetch", (event) => event.respondWith(server.fetch(event.request)));
