import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
} from "node:http2";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { echo, TestGateway } from "./testing/test-gateway.ts";

async function withSession(port: number, act: (session: ClientHttp2Session) => Promise<void>): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  try {
    await act(session);
  } finally {
    session.destroy();
  }
}

async function ask(session: ClientHttp2Session, headers: Record<string, string>, body?: string) {
  const stream = session.request(headers, { endStream: body === undefined });
  let text = "";
  let trailers: IncomingHttpHeaders = {};
  stream.on("data", (bytes: Buffer) => (text += bytes.toString()));
  stream.on("trailers", (got) => (trailers = got));
  if (body !== undefined) stream.end(body);
  const [answer] = (await once(stream, "response")) as [IncomingHttpHeaders];
  if (!stream.closed) await once(stream, "close");
  return { answer, text, trailers };
}

test("Gateway: speaks HTTP/2 on the port of HTTP/1.1 with those who begin with it", async () => {
  await using gateway = new TestGateway().serve(echo);
  const port = await gateway.listen();
  await withSession(port, async (session) => {
    const first = await ask(session, { ":path": "/a/./b?c", "x-a": "1" });
    expect(first.answer).toMatchObject({ ":status": 200, "content-length": String(first.text.length) });
    expect(JSON.parse(first.text)).toMatchObject({
      path: "/a/b?c",
      method: "GET",
      bodyLength: 0,
      authority: `127.0.0.1:${port}`,
    });
    const second = await ask(session, { ":path": "/", ":method": "POST" }, "hello");
    expect(JSON.parse(second.text)).toMatchObject({ body: "hello", method: "POST" });
    const none = await ask(session, { ":path": "/", ":method": "HEAD" });
    expect([none.answer[":status"], none.text]).toEqual([200, ""]);
  });
});

test("Gateway: streams by HTTP/2 both ways, with trailers", async () => {
  await using gateway = new TestGateway().serve({
    begin: (call) => call.respond(200, []),
    end: (call) => {
      call.data(call.body);
      call.end(["x-sum", "1", "content-length", "7"]);
    },
  });
  await withSession(await gateway.listen(), async (session) => {
    const stream = session.request({ ":path": "/", ":method": "POST" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-t": "1" }));
    await once(stream, "response");
    let text = "";
    let trailers: IncomingHttpHeaders = {};
    stream.on("data", (bytes: Buffer) => (text += bytes.toString()));
    stream.on("trailers", (got) => (trailers = got));
    stream.end("hello");
    await once(stream, "close");
    expect([text, trailers["x-sum"], trailers["content-length"]]).toEqual(["hello", "1", undefined]);
    expect(gateway.instances.calls[0]?.trailers).toEqual(["x-t", "1"]);
  });
});

test("Gateway: keeps to the windows of HTTP/2 both ways", async () => {
  const big = Buffer.alloc(8 * 1024 * 1024, "x");
  await using gateway = new TestGateway().serve(
    {
      begin: (call) => {
        call.hasRoom = false;
      },
      end: (call) => {
        call.respond(200, []);
        let sent = 0;
        const pump = () => {
          for (; sent < big.length && sent - call.consumed < 262_144; sent += 65_536) {
            call.data(big.subarray(sent, sent + 65_536));
          }
          if (sent < big.length) setImmediate(pump);
          else call.end();
        };
        pump();
      },
    },
    { endpoint: { bodyBytesMax: big.length } },
  );
  await withSession(await gateway.listen(), async (session) => {
    const stream = session.request({ ":path": "/", ":method": "POST" });
    stream.end(big);
    while ((gateway.instances.calls[0]?.chunks.length ?? 0) === 0) await settle();
    await settle();
    const [call] = gateway.instances.calls;
    if (call === undefined) throw new Error("it has come");
    expect(Buffer.concat(call.chunks).length).toBeLessThan(1024 * 1024);
    call.hasRoom = true;
    call.drain();
    await once(stream, "response");
    await settle();
    expect(call.consumed).toBeLessThan(1024 * 1024);
    let length = 0;
    stream.on("data", (bytes: Buffer) => (length += bytes.length));
    await once(stream, "close");
    expect(length).toBe(big.length);
  });
});

test("Gateway: cancels a stream that its client has reset, and cuts off one that its instance has lost", async () => {
  await using gateway = new TestGateway().serve({ begin: (call) => call.respond(200, []) });
  await withSession(await gateway.listen(), async (session) => {
    const stream = session.request({ ":path": "/" });
    await once(stream, "response");
    stream.close(constants.NGHTTP2_CANCEL);
    while (gateway.instances.calls[0]?.cancelled !== true) await settle();
    const other = session.request({ ":path": "/" });
    other.on("error", () => {});
    await once(other, "response");
    gateway.instances.calls[1]?.fault({ kind: "failed", reason: "lost", message: "" });
    await new Promise((resolve) => other.once("close", resolve));
    expect(other.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  });
});

test("Gateway: a client of HTTP/2 that ends its connection without a word takes its streams with it", async () => {
  await using gateway = new TestGateway().serve({});
  const socket = connect(await gateway.listen(), "127.0.0.1");
  const session = connectHttp2("http://a", { createConnection: () => socket });
  session.on("error", () => {});
  session.request({ ":path": "/" }).on("error", () => {});
  while (gateway.instances.calls.length === 0) await settle();
  socket.end();
  while (gateway.gateway.connections().open > 0) await settle();
  expect(gateway.instances.calls[0]?.cancelled).toBe(true);
  session.destroy();
});

test("Gateway: when it goes, says so by GOAWAY and answers what was begun", async () => {
  await using gateway = new TestGateway().serve({});
  await withSession(await gateway.listen(), async (session) => {
    const answer = ask(session, { ":path": "/" });
    while (gateway.instances.calls.length === 0) await settle();
    const away = once(session, "goaway");
    const finished = gateway.gateway.finish(10_000);
    await away;
    gateway.instances.calls[0]?.answer("done");
    expect((await answer).text).toBe("done");
    session.close();
    await finished;
  });
});

test("Gateway: answers HEAD by HTTP/2 also when its instance takes its time between head and end", async () => {
  await using gateway = new TestGateway().serve({
    begin: (call) => {
      call.respond(200, ["content-length", "5"]);
      setTimeout(() => {
        call.data("hello");
        call.end(["x-t", "1"]);
      }, 20);
    },
  });
  await withSession(await gateway.listen(), async (session) => {
    const { answer, text } = await ask(session, { ":path": "/", ":method": "HEAD" });
    expect([answer["content-length"], text]).toEqual(["5", ""]);
    const next = await ask(session, { ":path": "/" });
    expect(next.text).toBe("hello");
  });
});

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
