import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { GatewayConfig } from "../gateway/control.ts";
import { buildIdOf, installGatewayProgram } from "./gateway-program.ts";

const root = mkdtempSync(join(tmpdir(), "wherry-gateway-program-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("installGatewayProgram: JavaScript that imports nothing outside of its folder, and no test", () => {
  const { program, command } = installGatewayProgram(root);
  const files = readdirSync(program.folder, { recursive: true, encoding: "utf8" });
  const code = files.filter((file) => file.endsWith(".js"));
  expect(command.at(-1)).toBe(join(program.folder, "node-daemon/gateway/main.js"));
  expect(code).toContain("node-daemon/gateway/main.js");
  const importPattern = /^(?:import|export)\b(?:[^;"]*?\bfrom)? *"([^"]+)"/gm;
  const specifiers = code.flatMap((file) =>
    Array.from(
      readFileSync(join(program.folder, file), "utf8").matchAll(importPattern),
      (found) => found[1] ?? "",
    ),
  );
  expect(specifiers.length).toBeGreaterThan(50);
  expect(specifiers.filter((specifier) => !/^(?:node:|\.{1,2}\/.*\.js$)/.test(specifier))).toEqual([]);
  expect(files.filter((file) => /\.ts$|\.test\.|\/testing\/|\/test-/.test(file))).toEqual([]);
});

test("buildIdOf: another program, flag or address is another build, and each names its program", () => {
  const config: Parameters<typeof buildIdOf>[2] = {
    nodeName: "n",
    listen: [],
    debugHeaders: false,
    trustForwarded: false,
    connectionsPerClientMax: 0,
    accessLog: undefined,
    orphanMs: undefined,
  } satisfies Omit<GatewayConfig, "gatewayId" | "buildId">;
  const listen = [{ kind: "http", host: "127.0.0.1", port: 80, portMax: 80, preferredPort: 0 } as const];
  const ids = [
    buildIdOf("v1", ["node"], config),
    buildIdOf("v2", ["node"], config),
    buildIdOf("v1", ["node", "--flag"], config),
    buildIdOf("v1", ["node"], { ...config, listen }),
    buildIdOf("v1", ["node"], { ...config, debugHeaders: true }),
  ];
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.map((id) => id.slice(-3))).toEqual(["-v1", "-v2", "-v1", "-v1", "-v1"]);
  expect(buildIdOf("v1", ["node"], { ...config })).toBe(ids[0]);
});
