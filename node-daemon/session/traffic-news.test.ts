import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { TrafficNews, type WorkloadTraffic } from "./traffic-news.ts";

function setUp(uids: readonly string[] = []) {
  const clock = new FakeClock();
  const known = new Map<string, WorkloadTraffic>();
  const put = (uid: string, arrived: number) => known.set(uid, { uid, arrived, inFlight: 1, queued: 0 });
  for (const uid of uids) put(uid, 1);
  let listener: (uid: string) => void = () => {};
  let dueCount = 0;
  const source = {
    uids: () => [...known.keys()],
    trafficOf: (uid: string) => known.get(uid),
    onTraffic: (next: (uid: string) => void) => (listener = next),
  };
  const news = new TrafficNews(source, clock, () => dueCount++);
  const change = (uid: string, arrived: number) => {
    put(uid, arrived);
    listener(uid);
  };
  const gone = (uid: string) => {
    known.delete(uid);
    listener(uid);
  };
  const take = () => news.take()?.workloads?.map(({ uid, arrived }) => `${uid} ${arrived as number}`);
  return { clock, news, change, gone, take, due: () => dueCount };
}

test("TrafficNews: a session begins with all of it, in messages of a bounded size", () => {
  const { news, take } = setUp(Array.from({ length: 1_001 }, (_, at) => `w${at}`));
  expect([1, 2, 3].map(() => news.take()?.workloads?.length)).toEqual([500, 500, 1]);
  expect(take()).toBeUndefined();
});

test("TrafficNews: with no workloads there is nothing to tell", () => {
  expect(setUp().take()).toBeUndefined();
});

test("TrafficNews: what changes is told at once, and what changes after that a second later, as it is then", () => {
  const { clock, change, take, due } = setUp();
  change("w", 1);
  expect([due(), take(), take()]).toEqual([1, ["w 1"], undefined]);
  clock.advance(10);
  for (let arrived = 2; arrived <= 500; arrived++) change("w", arrived);
  change("v", 7);
  clock.advance(989);
  expect([due(), take()]).toEqual([1, undefined]);
  clock.advance(1);
  change("v", 8);
  expect([due(), take(), take()]).toEqual([2, ["w 500", "v 8"], undefined]);
  clock.advance(1_000);
  expect([due(), take()]).toEqual([3, ["v 8"]]);
  clock.advance(60_000);
  expect([due(), take()]).toEqual([3, undefined]);
  change("w", 501);
  expect([due(), take()]).toEqual([4, ["w 501"]]);
});

test("TrafficNews: a stream that is full gets the newest, once it takes something", () => {
  const { clock, change, take } = setUp(["w"]);
  change("w", 2);
  clock.advance(5_000);
  change("w", 3);
  expect([take(), take()]).toEqual([["w 3"], undefined]);
});

test("TrafficNews: of one to which nobody routes any more nothing is under way", () => {
  const { gone, take, news } = setUp(["w"]);
  take();
  gone("w");
  expect(news.take()?.workloads).toEqual([{ uid: "w", arrived: 0, inFlight: 0, queued: 0 }]);
});

test("TrafficNews: closed, it tells nothing any more", () => {
  const { clock, change, news, take, due } = setUp();
  change("w", 1);
  take();
  change("w", 2);
  news.close();
  change("w", 3);
  clock.advance(60_000);
  expect([due(), take()]).toEqual([1, undefined]);
});
