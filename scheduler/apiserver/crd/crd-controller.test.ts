import { expect, test } from "vitest";
import { crd } from "../testing/crds.ts";
import { TestServer } from "../testing/test-server.ts";
import { until } from "../testing/until.ts";

const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

function boatsCalled(plural: string) {
  return crd({ names: { plural, kind: "Boat" } }, { name: `${plural}.example.com` });
}

async function namesAccepted(server: TestServer, plural: string): Promise<string | undefined> {
  const { body } = await server.call("GET", `${path}/${plural}.example.com`);
  const conditions: readonly { readonly type: string; readonly status: string }[] =
    body.status?.conditions ?? [];
  return conditions.find(({ type }) => type === "NamesAccepted")?.status;
}

test("CrdController: two that wait for the same name wait quietly, and one gets it when it is free", async () => {
  await using server = await TestServer.start();
  await server.call("POST", path, { body: boatsCalled("boats") });
  await until(async () => (await namesAccepted(server, "boats")) === "True");
  for (const plural of ["ships", "vessels"]) {
    await server.call("POST", path, { body: boatsCalled(plural) });
    await until(async () => (await namesAccepted(server, plural)) === "False");
  }
  await server.call("DELETE", `${path}/boats.example.com`);
  await until(async () => (await namesAccepted(server, "ships")) === "True");
  expect(await namesAccepted(server, "vessels")).toBe("False");
});
