// Original file: proto/wherry/v1/node.proto

import type { WorkloadTraffic as _wherry_v1_WorkloadTraffic, WorkloadTraffic__Output as _wherry_v1_WorkloadTraffic__Output } from '../../wherry/v1/WorkloadTraffic.ts';

export interface TrafficBatch {
  'workloads'?: (_wherry_v1_WorkloadTraffic)[];
}

export interface TrafficBatch__Output {
  'workloads': (_wherry_v1_WorkloadTraffic__Output)[];
}
