// Original file: proto/wherry/v1/node.proto

import type { Capacity as _wherry_v1_Capacity, Capacity__Output as _wherry_v1_Capacity__Output } from '../../wherry/v1/Capacity.ts';
import type { Runtime as _wherry_v1_Runtime, Runtime__Output as _wherry_v1_Runtime__Output } from '../../wherry/v1/Runtime.ts';
import type { NodeInfo as _wherry_v1_NodeInfo, NodeInfo__Output as _wherry_v1_NodeInfo__Output } from '../../wherry/v1/NodeInfo.ts';
import type { Grants as _wherry_v1_Grants, Grants__Output as _wherry_v1_Grants__Output } from '../../wherry/v1/Grants.ts';

export interface Hello {
  'nodeName'?: (string);
  'protocolVersion'?: (number);
  'daemonVersion'?: (string);
  'capacity'?: (_wherry_v1_Capacity | null);
  'allocatable'?: (_wherry_v1_Capacity | null);
  'runtimes'?: (_wherry_v1_Runtime)[];
  'labels'?: ({[key: string]: string});
  'info'?: (_wherry_v1_NodeInfo | null);
  'bootId'?: (string);
  'grants'?: (_wherry_v1_Grants | null);
  'updatesContents'?: (boolean);
  'gatewayAddress'?: (string);
  'gatewayUrls'?: (string)[];
  'metricsAddress'?: (string);
}

export interface Hello__Output {
  'nodeName': (string);
  'protocolVersion': (number);
  'daemonVersion': (string);
  'capacity': (_wherry_v1_Capacity__Output | null);
  'allocatable': (_wherry_v1_Capacity__Output | null);
  'runtimes': (_wherry_v1_Runtime__Output)[];
  'labels': ({[key: string]: string});
  'info': (_wherry_v1_NodeInfo__Output | null);
  'bootId': (string);
  'grants': (_wherry_v1_Grants__Output | null);
  'updatesContents': (boolean);
  'gatewayAddress': (string);
  'gatewayUrls': (string)[];
  'metricsAddress': (string);
}
