import type { Clock } from "../../../kit/clock.ts";
import type { Log } from "../../../kit/log.ts";
import type { Random } from "../../../kit/random.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import type { ServiceAccountTokens } from "../authentication/service-account-tokens.ts";
import type { Authorizer, RuleResolver } from "../authorization/authorizer.ts";
import type { LiveResource } from "../live-resource.ts";
import type { ObjectWriter } from "../objects/object-writer.ts";
import type { PlacementSimulator } from "../placement-simulator.ts";
import type { Kind, Registry } from "../registry.ts";
import type { ObjectSource } from "../storage/object-source.ts";
import type { CallServices } from "../call-services.ts";
import type { WatchHub } from "./watch-hub.ts";

/** What handlers work with. */
export interface ApiContext {
  readonly registry: Registry;
  readonly writer: ObjectWriter;
  readonly watches: WatchHub;
  /** Who may do what. */
  readonly policy: Authorizer & RuleResolver;
  readonly authenticator: Authenticator;
  readonly serviceAccounts: ServiceAccountTokens;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  sourceOf(kind: Kind): ObjectSource;
  /** Why a stored object cannot be read. undefined: there is none, or it can. */
  unreadable(kind: Kind, namespace: string, name: string): string | undefined;
  unreadableCount(kind: Kind): number;
  /** Throws ServiceUnavailable while nothing is scheduled here. */
  simulator(): PlacementSimulator;
  readonly calls: CallServices;
  /** Throws ServiceUnavailable while the scheduler has not yet said what is alive. */
  liveOf(kind: Kind): LiveResource;
}

/** A resource request whose kind is known. */
export interface ResourceTarget {
  readonly kind: Kind;
  /** "" for cluster-scoped kinds and for all namespaces. */
  readonly namespace: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

export type NamedTarget = ResourceTarget & { readonly name: string };
