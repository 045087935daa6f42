// A handler of HTTP requests, written as for Web workers. `npm run guests -- http/greeter` makes a component of it,
// greeter.wasm: StarlingMonkey, the engine of Firefox, and this file.
addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/shout" && request.method === "POST") return new Response(request.body.pipeThrough(shouting()));
  if (pathname !== "/") return Response.json({ error: `nothing at ${pathname}` }, { status: 404 });
  return new Response(`ahoy, ${searchParams.get("name") ?? "stranger"}\n`, {
    headers: { "content-type": "text/plain" },
  });
}

// Piece by piece, while the body arrives.
function shouting() {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  return new TransformStream({
    transform(bytes, controller) {
      controller.enqueue(encoder.encode(decoder.decode(bytes, { stream: true }).toUpperCase()));
    },
  });
}
