import {
  CustomObjectsApi,
  CoreV1Api,
  KubeConfig,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  Watch,
} from "@kubernetes/client-node";
import { expect, test } from "vitest";
import { deployment } from "./testing/manifests.ts";
import { TestServer } from "./testing/test-server.ts";

const place = { group: "wherry.dev", version: "v1alpha1", namespace: "default", plural: "wasmdeployments" };

function load(server: TestServer): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(server.kubeconfig());
  return config;
}

test("CustomObjectsApi: create, list, patch", async () => {
  await using server = await TestServer.start();
  const client = load(server).makeApiClient(CustomObjectsApi);
  await client.createNamespacedCustomObject({ ...place, body: deployment("a") });
  const body = { spec: { replicas: 3 } };
  const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
  await client.patchNamespacedCustomObject({ ...place, name: "a", body }, options);
  expect(await client.listNamespacedCustomObject(place)).toMatchObject({
    kind: "WasmDeploymentList",
    items: [{ metadata: { name: "a" }, spec: { replicas: 3 } }],
  });
});

test("Watch: delivers what is created", async () => {
  await using server = await TestServer.start();
  const config = load(server);
  const { promise, resolve } = Promise.withResolvers<string>();
  const stop = await new Watch(config).watch(
    "/apis/wherry.dev/v1alpha1/wasmdeployments",
    {},
    (type, object: { metadata: { name: string } }) => resolve(`${type} ${object.metadata.name}`),
    () => {},
  );
  await config
    .makeApiClient(CustomObjectsApi)
    .createNamespacedCustomObject({ ...place, body: deployment("a") });
  expect(await promise).toBe("ADDED a");
  stop.abort();
});

test("informer: has what there is, and hears of what comes", async () => {
  await using server = await TestServer.start();
  const config = load(server);
  const core = config.makeApiClient(CoreV1Api);
  const create = (name: string) =>
    core.createNamespacedConfigMap({ namespace: "default", body: { metadata: { name } } });
  await create("a");
  const informer = makeInformer(config, "/api/v1/namespaces/default/configmaps", () =>
    core.listNamespacedConfigMap({ namespace: "default" }),
  );
  const names: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  informer.on("add", (object) => {
    names.push(object.metadata?.name ?? "");
    if (names.length === 2) resolve();
  });
  await informer.start();
  await create("b");
  await promise;
  await informer.stop();
  expect(names).toEqual(["a", "b"]);
});
