import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { seededRandom } from "../../kit/random.ts";
import { Backends } from "./backends.ts";
import { Deadlines } from "./deadlines.ts";
import { FakeInstances } from "./testing/fake-instances.ts";
import { endpointOf, workloadOf } from "./testing/test-gateway.ts";

test("Backends: a request that fails when it is released does not hold up those after it", () => {
  const clock = new FakeClock();
  const instances = new FakeInstances();
  const dial = (key: string) => instances.dial(key);
  const ports = { clock, log: silentLog, random: seededRandom(1), dialShim: dial, dialPeer: dial };
  const backends = new Backends(ports, { wake: () => {}, drained: () => {} }, new Deadlines(clock), 1_000);
  backends.putWorkload(workloadOf("w"));
  const workload = backends.getOrAdd("w");
  const broken = {
    givenUp: () => {},
    released: () => {
      throw new Error("a bug");
    },
  };
  const released: string[] = [];
  backends.held.hold(workload, broken, undefined, 1);
  backends.held.hold(
    workload,
    { released: ({ kind }) => void released.push(kind), givenUp: () => {} },
    undefined,
    1,
  );
  expect(() => backends.putEndpoint(endpointOf("i", "w"))).toThrow("a bug");
  backends.putEndpoint(endpointOf("j", "w"));
  expect(released).toEqual(["local"]);
  backends.close();
});
