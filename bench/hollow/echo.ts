/** What gRPC alone takes between two processes with mutual TLS: messages answered one by one, with nothing behind them. */
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Metadata } from "@grpc/grpc-js";
import { LocalCertificates } from "../../cli/local/certificates.ts";
import { dial } from "../../node-daemon/session/channel.ts";
import { checkout } from "../../test/support/cluster.ts";

/** Unanswered at a time: so that neither side waits for the other. */
const inFlightMax = 1_000;

/** Returns messages per second, each there and back. */
export async function echoesPerSecond(count: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "wherry-echo-"));
  try {
    const certificates = new LocalCertificates(folder, () => Date.now());
    const server = await certificates.scheduler(["127.0.0.1"]);
    const node = await certificates.node("echo");
    const files = [server.ca, server.certificate, server.key];
    const child = fork(join(checkout, "bench/programs/grpc-echo.ts"), files);
    try {
      const { port } = await new Promise<{ port: number }>((resolve, reject) => {
        child.once("message", (message) => resolve(message as { port: number }));
        child.once("exit", (code) => reject(new Error(`grpc-echo ended (${code})`)));
      });
      const [ca, cert, key] = [node.ca, node.certificate, node.key].map((file) => readFileSync(file));
      const client = dial(`127.0.0.1:${port}`, { ca: ca!, cert: cert!, key: key! });
      const begin = performance.now();
      await echo(client.session(new Metadata()), count);
      const tookMs = performance.now() - begin;
      client.close();
      return (count / tookMs) * 1_000;
    } finally {
      child.kill("SIGKILL");
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function echo(call: ReturnType<ReturnType<typeof dial>["session"]>, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let answered = 0;
    const send = () => {
      sent++;
      call.write({ heartbeat: { rssBytes: 1, instances: sent } });
    };
    call.on("data", () => {
      answered++;
      if (sent < count) send();
      if (answered < count) return;
      resolve();
      call.end();
    });
    call.on("error", reject);
    while (sent < Math.min(count, inFlightMax)) send();
  });
}
