// Original file: proto/wherry/v1/node.proto

import type { Welcome as _wherry_v1_Welcome, Welcome__Output as _wherry_v1_Welcome__Output } from '../../wherry/v1/Welcome.ts';
import type { Assign as _wherry_v1_Assign, Assign__Output as _wherry_v1_Assign__Output } from '../../wherry/v1/Assign.ts';
import type { Stop as _wherry_v1_Stop, Stop__Output as _wherry_v1_Stop__Output } from '../../wherry/v1/Stop.ts';
import type { Acknowledge as _wherry_v1_Acknowledge, Acknowledge__Output as _wherry_v1_Acknowledge__Output } from '../../wherry/v1/Acknowledge.ts';
import type { OpenLog as _wherry_v1_OpenLog, OpenLog__Output as _wherry_v1_OpenLog__Output } from '../../wherry/v1/OpenLog.ts';
import type { HeartbeatAnswer as _wherry_v1_HeartbeatAnswer, HeartbeatAnswer__Output as _wherry_v1_HeartbeatAnswer__Output } from '../../wherry/v1/HeartbeatAnswer.ts';
import type { UpdateContents as _wherry_v1_UpdateContents, UpdateContents__Output as _wherry_v1_UpdateContents__Output } from '../../wherry/v1/UpdateContents.ts';
import type { UpdateGateway as _wherry_v1_UpdateGateway, UpdateGateway__Output as _wherry_v1_UpdateGateway__Output } from '../../wherry/v1/UpdateGateway.ts';
import type { Long } from '@grpc/proto-loader';

export interface SchedulerMessage {
  'epoch'?: (number | string | Long);
  'welcome'?: (_wherry_v1_Welcome | null);
  'assign'?: (_wherry_v1_Assign | null);
  'stop'?: (_wherry_v1_Stop | null);
  'acknowledge'?: (_wherry_v1_Acknowledge | null);
  'openLog'?: (_wherry_v1_OpenLog | null);
  'heartbeatAnswer'?: (_wherry_v1_HeartbeatAnswer | null);
  'updateContents'?: (_wherry_v1_UpdateContents | null);
  'updateGateway'?: (_wherry_v1_UpdateGateway | null);
  'message'?: "welcome"|"assign"|"stop"|"acknowledge"|"openLog"|"heartbeatAnswer"|"updateContents"|"updateGateway";
}

export interface SchedulerMessage__Output {
  'epoch': (number);
  'welcome'?: (_wherry_v1_Welcome__Output | null);
  'assign'?: (_wherry_v1_Assign__Output | null);
  'stop'?: (_wherry_v1_Stop__Output | null);
  'acknowledge'?: (_wherry_v1_Acknowledge__Output | null);
  'openLog'?: (_wherry_v1_OpenLog__Output | null);
  'heartbeatAnswer'?: (_wherry_v1_HeartbeatAnswer__Output | null);
  'updateContents'?: (_wherry_v1_UpdateContents__Output | null);
  'updateGateway'?: (_wherry_v1_UpdateGateway__Output | null);
  'message'?: "welcome"|"assign"|"stop"|"acknowledge"|"openLog"|"heartbeatAnswer"|"updateContents"|"updateGateway";
}
