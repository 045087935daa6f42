import { Metadata, status as grpcStatus, type StatusObject } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestAuthority, type TlsFiles } from "../testing/certificates.ts";
import { TestScheduler } from "../testing/test-scheduler.ts";
import { dial } from "./channel.ts";

let node: TlsFiles;
let ours: TlsFiles;
let theirs: TlsFiles;
beforeAll(async () => {
  const [authority, other] = await Promise.all([TestAuthority.make(), TestAuthority.make()]);
  node = await authority.issue("system:node:n1");
  ours = await authority.issue("wherry-scheduler");
  // Signed by another CA; it would accept our node.
  theirs = { ...(await other.issue("wherry-scheduler")), ca: ours.ca };
});
const schedulers: TestScheduler[] = [];
afterAll(() => schedulers.forEach((scheduler) => scheduler.stop()));

async function connect(server: TlsFiles, host: string, client = node): Promise<string> {
  const scheduler = new TestScheduler();
  schedulers.push(scheduler);
  await scheduler.listen(server);
  const channel = dial(`${host}:${scheduler.port}`, client);
  const call = channel.session(new Metadata());
  call.on("error", () => {});
  call.on("data", () => {});
  const ended = new Promise<StatusObject>((resolve) => call.on("status", resolve));
  const accepted = scheduler.session().then((session) => session.end());
  await Promise.race([accepted, ended]);
  const { code } = await ended;
  channel.close();
  return grpcStatus[code];
}

test.each([
  { name: "a host by name", host: "localhost", expected: "OK" },
  { name: "a host by address", host: "127.0.0.1", expected: "OK" },
])("dial: $name", async ({ host, expected }) => {
  expect(await connect(ours, host)).toBe(expected);
});

test.each([{ host: "localhost" }, { host: "127.0.0.1" }])(
  "dial: another CA at $host is refused",
  async ({ host }) => {
    expect(await connect(theirs, host)).toBe("UNAVAILABLE");
  },
);
