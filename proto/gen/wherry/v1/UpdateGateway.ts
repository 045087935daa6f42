// Original file: proto/wherry/v1/node.proto

import type { GatewayRoute as _wherry_v1_GatewayRoute, GatewayRoute__Output as _wherry_v1_GatewayRoute__Output } from '../../wherry/v1/GatewayRoute.ts';
import type { GatewayWorkload as _wherry_v1_GatewayWorkload, GatewayWorkload__Output as _wherry_v1_GatewayWorkload__Output } from '../../wherry/v1/GatewayWorkload.ts';
import type { GatewayCertificate as _wherry_v1_GatewayCertificate, GatewayCertificate__Output as _wherry_v1_GatewayCertificate__Output } from '../../wherry/v1/GatewayCertificate.ts';

export interface UpdateGateway {
  'complete'?: (boolean);
  'routes'?: (_wherry_v1_GatewayRoute)[];
  'removedRoutes'?: (string)[];
  'workloads'?: (_wherry_v1_GatewayWorkload)[];
  'removedWorkloads'?: (string)[];
  'certificates'?: (_wherry_v1_GatewayCertificate)[];
  'removedCertificates'?: (string)[];
  'more'?: (boolean);
  'ticketKeys'?: (string)[];
}

export interface UpdateGateway__Output {
  'complete': (boolean);
  'routes': (_wherry_v1_GatewayRoute__Output)[];
  'removedRoutes': (string)[];
  'workloads': (_wherry_v1_GatewayWorkload__Output)[];
  'removedWorkloads': (string)[];
  'certificates': (_wherry_v1_GatewayCertificate__Output)[];
  'removedCertificates': (string)[];
  'more': (boolean);
  'ticketKeys': (string)[];
}
