import { expect, test } from "vitest";
import { parseOldWatchPath } from "./old-watch-path.ts";

interface Row {
  readonly path: string;
  readonly is: ReturnType<typeof parseOldWatchPath>;
}

test.each<Row>([
  { path: "/api/v1/configmaps", is: undefined },
  { path: "/api/v1/namespaces/watch/configmaps", is: undefined },
  { path: "/api/v1/watch", is: undefined },
  { path: "/apis/g/v1/watch/namespaces/a/things/x/status", is: undefined },
  { path: "/api/v1/watch/configmaps", is: { path: "/api/v1/configmaps", name: undefined } },
  { path: "/api/v1/watch/namespaces", is: { path: "/api/v1/namespaces", name: undefined } },
  { path: "/api/v1/watch/namespaces/a", is: { path: "/api/v1/namespaces", name: "a" } },
  { path: "/apis/g/v1/watch/things/x", is: { path: "/apis/g/v1/things", name: "x" } },
  {
    path: "/apis/g/v1/watch/namespaces/a/things",
    is: { path: "/apis/g/v1/namespaces/a/things", name: undefined },
  },
  {
    path: "/apis/g/v1/watch/namespaces/a/things/x",
    is: { path: "/apis/g/v1/namespaces/a/things", name: "x" },
  },
])("parseOldWatchPath: $path", ({ path, is }) => {
  expect(parseOldWatchPath(path)).toEqual(is);
});
