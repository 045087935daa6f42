/** Tickets from the API server: the subresource `calls` of a workload. */
import { request } from "node:https";
import type { CallEndpoint, CallTicket } from "../api/call-ticket.ts";
import { FunctionCallError } from "./errors.ts";
import { clientLimits } from "./limits.ts";

export interface CalledName {
  readonly namespace: string;
  /** wasmdeployments or wasmdaemonsets. */
  readonly plural: string;
  readonly name: string;
}

/** Rejects with what the caller is to be told. Once the signal is aborted nobody waits for it. */
export type TicketSource = (workload: CalledName, signal: AbortSignal) => Promise<CallTicket["status"]>;

export interface ApiServerAccess {
  /** https://HOST:PORT */
  readonly server: string;
  /** Of a user or a ServiceAccount who may `create` `wasmdeployments/calls`. Read again for each ticket if it is a function. */
  readonly token?: string | (() => string);
  /** The CA of the API server, PEM. */
  readonly ca?: string | Buffer;
  /** Instead of a token, PEM. */
  readonly clientCertificate?: { readonly cert: string | Buffer; readonly key: string | Buffer };
}

/** Another attempt would be answered the same. */
export const refusedReason = "Refused";

const groupVersion = "apis/wherry.dev/v1alpha1";

export function ticketsFrom({ server, token, ca, clientCertificate }: ApiServerAccess): TicketSource {
  return ({ namespace, plural, name }, signal) =>
    new Promise((resolve, reject) => {
      const path = [groupVersion, "namespaces", namespace, plural, name, "calls"];
      const url = new URL(`${server.replace(/\/$/, "")}/${path.map(encodePart).join("/")}`);
      const bearer = typeof token === "function" ? token() : token;
      const fail = (message: string, reason = "NoTicket") =>
        reject(new FunctionCallError(reason, `get a ticket for ${plural}/${name}: ${message}`, true));
      const outgoing = request(url, {
        method: "POST",
        ...(ca !== undefined && { ca }),
        ...clientCertificate,
        headers: {
          "content-type": "application/json",
          ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        },
        timeout: clientLimits.ticketMs,
        signal,
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error("the API server does not answer")));
      outgoing.on("error", (error) => fail(error.message));
      outgoing.on("response", (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("error", (error) => fail(error.message));
        answer.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > clientLimits.ticketBytesMax) answer.destroy(new Error("its answer is too long"));
        });
        answer.on("end", () => {
          const outcome = readTicket(answer.statusCode ?? 0, text);
          const { statusCode = 0 } = answer;
          const isRefused = statusCode >= 400 && statusCode < 429;
          if (typeof outcome === "string") fail(outcome, isRefused ? refusedReason : undefined);
          else resolve(outcome);
        });
      });
      outgoing.end("{}");
    });
}

function encodePart(part: string): string {
  return part.split("/").map(encodeURIComponent).join("/");
}

/** A text: why there is none. */
function readTicket(status: number, text: string): CallTicket["status"] | string {
  let answer: Partial<CallTicket> & { readonly message?: string };
  try {
    answer = JSON.parse(text) as typeof answer;
  } catch {
    return `the API server has answered ${status} without JSON`;
  }
  if (status !== 201) return answer.message ?? `the API server has answered ${status}`;
  return isTicket(answer.status) ? answer.status : "the API server's answer is no ticket";
}

export function isTicket(status: Partial<CallTicket["status"]> | undefined): status is CallTicket["status"] {
  if (status === undefined || status === null) return false;
  const { token, caBundle, expirationTimestamp, endpoints } = status;
  return (
    typeof token === "string" &&
    typeof caBundle === "string" &&
    Number.isFinite(Date.parse(String(expirationTimestamp))) &&
    Array.isArray(endpoints) &&
    endpoints.every(isEndpoint)
  );
}

function isEndpoint(endpoint: Partial<CallEndpoint> | null): boolean {
  return typeof endpoint?.node === "string" && typeof endpoint.address === "string";
}
