import { describe, expect, test } from "vitest";

import type { NetworkParts } from "./host-network.ts";
import { connect, LoopbackServer, never, openTestNetwork } from "./test-support.ts";

function open(held: DisposableStack, parts?: Partial<NetworkParts>) {
  const network = openTestNetwork(undefined, parts);
  held.defer(() => network.close());
  return network;
}

describe("Network.share", () => {
  test("closes what was opened through it, and nothing else", async () => {
    using held = new DisposableStack();
    const server = held.use(await LoopbackServer.open());
    const network = open(held);
    const share = network.share();
    const own = await connect(network, server.address);
    const shared = await connect(share, server.address);
    share.close();
    expect(shared.read(1)).not.toBe("wait");
    expect(own.read(1)).toBe("wait");
    expect((await share.connect(server.address, { local: undefined, signal: never })).kind).toBe("refused");
  });

  test("takes of the sockets of the whole, and gives them back", async () => {
    using held = new DisposableStack();
    const server = held.use(await LoopbackServer.open());
    const network = open(held, { socketsMax: 2 });
    const [first, second] = [network.share(), network.share()];
    await connect(first, server.address);
    await connect(second, server.address);
    expect(await second.connect(server.address, { local: undefined, signal: never })).toEqual({
      kind: "refused",
      error: "new-socket-limit",
    });
    first.close();
    await connect(second, server.address);
  });

  test("is closed with the whole", async () => {
    using held = new DisposableStack();
    const server = held.use(await LoopbackServer.open());
    const network = open(held);
    const shared = await connect(network.share(), server.address);
    network.close();
    expect(shared.read(1)).not.toBe("wait");
  });

  test("drains alone", async () => {
    using held = new DisposableStack();
    const server = held.use(await LoopbackServer.open());
    const network = open(held);
    const share = network.share();
    const connection = await connect(share, server.address);
    const socket = await server.socket();
    connection.write(Buffer.from("last words"));
    await share.drain(never);
    let text = "";
    for await (const bytes of socket.resume()) text += String(bytes);
    expect(text).toBe("last words");
  });
});
