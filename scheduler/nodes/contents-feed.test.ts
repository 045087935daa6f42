import { beforeEach, expect, test } from "vitest";
import { anInstance } from "../core/testing/builders.ts";
import { AssignmentProofs } from "./assignment-proofs.ts";
import { ContentsFeed } from "./contents-feed.ts";
import { ContractViolation } from "./contract-violation.ts";
import type { Contents, NodeTemplate } from "./node-port.ts";

const owner = { kind: "WasmDeployment", name: "web", uid: "o" } as const;
const instance = (uid: string, templateId = "", templateHash = "h") =>
  anInstance(uid, { owner, templateHash, templateId });

function contentsOf(text: string): Contents {
  const files = [{ path: "key", data: Buffer.from(text) }];
  return { contentsId: `id of ${text}`, contents: [{ volume: "v", secret: false, files }] };
}
const templateOf = (text: string, id = "t"): NodeTemplate => ({
  id,
  specJson: Buffer.from("{}"),
  ...contentsOf(text),
});

const proofs = new AssignmentProofs([Buffer.from("of this cluster")]);
const proofOf = (uid: string, nodeName = "n1", templateHash = "h") =>
  proofs.make({ nodeName, uid, ownerUid: "o", templateHash });

let feed: ContentsFeed;
beforeEach(() => {
  feed = new ContentsFeed("n1", proofs);
  feed.canUpdate = true;
});

/** What the next message says, as text by template. */
function taken(bytesMax = 1_000): Record<string, string> {
  const templates = feed.take(bytesMax);
  return Object.fromEntries(
    templates.map(({ templateId, contents }) => [templateId, String(contents?.[0]?.files?.[0]?.data)]),
  );
}

test("update: what has been assigned gets other files once, and not what it has", () => {
  const template = feed.assigned(instance("a"), templateOf("1"));
  feed.sent(template);
  expect(feed.update("o", () => contentsOf("1"))).toBe(0);
  expect(feed.update("o", () => contentsOf("2"))).toBeGreaterThan(0);
  expect(taken()).toEqual({ t: "2" });
  expect(feed.isDue).toBe(false);
  expect(feed.update("o", () => contentsOf("2"))).toBe(0);
});

test("update: of several that wait the newest is sent; one that goes back to what the node has, not at all", () => {
  feed.sent(feed.assigned(instance("a"), templateOf("1")));
  for (const text of ["2", "3", "4"]) feed.update("o", () => contentsOf(text));
  expect(taken()).toEqual({ t: "4" });
  feed.update("o", () => contentsOf("5"));
  feed.update("o", () => contentsOf("4"));
  expect(feed.isDue).toBe(false);
});

test("assigned: the template brings what is newest, and what waited is not sent after it", () => {
  feed.sent(feed.assigned(instance("a"), templateOf("1")));
  feed.update("o", () => contentsOf("2"));
  const template = feed.assigned(instance("b"), templateOf("3"));
  expect(feed.isDue).toBe(false);
  expect(feed.isCurrent(template)).toBe(false);
  feed.sent(template);
  expect(feed.isCurrent(template)).toBe(true);
});

test("update: instances from before a change of variables see the new files as well", () => {
  feed.sent(feed.assigned(instance("a"), templateOf("1", "t1")));
  feed.sent(feed.assigned(instance("b"), templateOf("1", "t2")));
  feed.update("o", () => contentsOf("2"));
  expect(taken()).toEqual({ t1: "2", t2: "2" });
});

test("update: nothing goes to templates whose last instance is released, or of another owner or revision", () => {
  feed.sent(feed.assigned(instance("a"), templateOf("1")));
  feed.sent(feed.assigned(instance("b"), templateOf("1")));
  const none = (hash: string) => (hash === "other" ? contentsOf("2") : undefined);
  expect(feed.update("o", none)).toBe(0);
  expect(feed.update("other", () => contentsOf("2"))).toBe(0);
  feed.released("a");
  expect([...feed.owners()]).toEqual(["o"]);
  feed.released("b");
  feed.released("b");
  expect(feed.update("o", () => contentsOf("2"))).toBe(0);
  expect([...feed.owners()]).toEqual([]);
});

test("released: with the last instance goes what waits, and the template comes with its files again", () => {
  const template = feed.assigned(instance("a"), templateOf("1"));
  feed.sent(template);
  feed.update("o", () => contentsOf("2"));
  feed.released("a");
  expect(feed.isDue).toBe(false);
  expect(feed.isCurrent(template)).toBe(false);
  // Written after all, as the stop was quicker.
  feed.sent(template);
  expect(feed.isCurrent(feed.assigned(instance("b"), templateOf("1")))).toBe(false);
});

test("released: instances of another owner keep a template that a node says to be the same", () => {
  feed.sent(feed.assigned(instance("a"), templateOf("1")));
  feed.assigned(anInstance("b", { owner: { ...owner, uid: "p" }, templateHash: "h" }), templateOf("1"));
  feed.released("a");
  expect(feed.isCurrent(templateOf("1"))).toBe(true);
});

test("told: what a node says to have is compared; what it does not tell of is left alone", () => {
  feed.told([{ templateId: "t", contentsId: "id of 1" }]);
  feed.reported(instance("a", "t"), proofOf("a"));
  feed.reported(instance("b", "fixed"), proofOf("b"));
  expect(feed.update("o", () => contentsOf("1"))).toBe(0);
  feed.update("o", () => contentsOf("2"));
  expect(taken()).toEqual({ t: "2" });
});

test.each([
  { name: "no proof", proof: "" },
  { name: "that of another instance", proof: proofOf("other") },
  { name: "that of another node", proof: proofOf("a", "n2") },
  { name: "that of another template of the owner", proof: proofOf("a", "n1", "other") },
])("reported: with $name a node gets nothing", ({ proof }) => {
  feed.told([{ templateId: "t", contentsId: "id of 1" }]);
  feed.reported(instance("a", "t"), proof);
  expect(feed.update("o", () => contentsOf("2"))).toBe(0);
  expect([...feed.owners()]).toEqual([]);
});

test("proofOf: what is given with an assignment is what its report is believed by", () => {
  const proof = feed.proofOf(instance("a"), templateOf("1"));
  expect(feed.proofOf(instance("a"), { ...templateOf("1"), contentsId: "" })).toBe("");
  const next = new ContentsFeed("n1", proofs);
  next.canUpdate = true;
  next.told([{ templateId: "t", contentsId: "id of 1" }]);
  next.reported(instance("a", "t"), proof);
  expect([...next.owners()]).toEqual(["o"]);
});

test("told: a node can not make the scheduler remember without end", () => {
  const part = Array.from({ length: 500 }, (_, at) => ({ templateId: `t${at}`, contentsId: "c" }));
  expect(() => {
    for (let parts = 0; parts < 300; parts++) feed.told(part);
  }).toThrow(ContractViolation);
});

test("assigned: a daemon that does not know of changes gets other files as another template", () => {
  feed.canUpdate = false;
  feed.told([{ templateId: "t", contentsId: "id of 1" }]);
  const [first, second] = [
    feed.assigned(instance("a"), templateOf("1")),
    feed.assigned(instance("b"), templateOf("2")),
  ];
  expect([first, second]).toMatchObject([
    { id: "t-id of 1", contentsId: "" },
    { id: "t-id of 2", contentsId: "" },
  ]);
  expect(feed.isCurrent(first)).toBe(true);
  expect(feed.update("o", () => contentsOf("3"))).toBe(0);
  const plain = { id: "p", specJson: Buffer.from("{}"), contents: [], contentsId: "" };
  expect(feed.assigned(instance("c"), plain)).toBe(plain);
});

test("take: messages are cut by their bytes, and large files go alone", () => {
  for (const id of ["t1", "t2", "t3"]) feed.sent(feed.assigned(instance(id), templateOf("1", id)));
  feed.update("o", () => contentsOf("x".repeat(600)));
  expect([taken(), taken(), taken()].map((one) => Object.keys(one))).toEqual([["t1"], ["t2"], ["t3"]]);
  feed.update("o", () => contentsOf("x".repeat(100)));
  expect(Object.keys(taken())).toEqual(["t1", "t2", "t3"]);
});
