// Original file: proto/wherry/v1/node.proto

import type { Hello as _wherry_v1_Hello, Hello__Output as _wherry_v1_Hello__Output } from '../../wherry/v1/Hello.ts';
import type { Inventory as _wherry_v1_Inventory, Inventory__Output as _wherry_v1_Inventory__Output } from '../../wherry/v1/Inventory.ts';
import type { StatusBatch as _wherry_v1_StatusBatch, StatusBatch__Output as _wherry_v1_StatusBatch__Output } from '../../wherry/v1/StatusBatch.ts';
import type { UsageBatch as _wherry_v1_UsageBatch, UsageBatch__Output as _wherry_v1_UsageBatch__Output } from '../../wherry/v1/UsageBatch.ts';
import type { Heartbeat as _wherry_v1_Heartbeat, Heartbeat__Output as _wherry_v1_Heartbeat__Output } from '../../wherry/v1/Heartbeat.ts';
import type { NodeConditions as _wherry_v1_NodeConditions, NodeConditions__Output as _wherry_v1_NodeConditions__Output } from '../../wherry/v1/NodeConditions.ts';
import type { ModuleInventory as _wherry_v1_ModuleInventory, ModuleInventory__Output as _wherry_v1_ModuleInventory__Output } from '../../wherry/v1/ModuleInventory.ts';
import type { ContentsInventory as _wherry_v1_ContentsInventory, ContentsInventory__Output as _wherry_v1_ContentsInventory__Output } from '../../wherry/v1/ContentsInventory.ts';
import type { WakeUp as _wherry_v1_WakeUp, WakeUp__Output as _wherry_v1_WakeUp__Output } from '../../wherry/v1/WakeUp.ts';
import type { TrafficBatch as _wherry_v1_TrafficBatch, TrafficBatch__Output as _wherry_v1_TrafficBatch__Output } from '../../wherry/v1/TrafficBatch.ts';

export interface NodeMessage {
  'hello'?: (_wherry_v1_Hello | null);
  'inventory'?: (_wherry_v1_Inventory | null);
  'status'?: (_wherry_v1_StatusBatch | null);
  'usage'?: (_wherry_v1_UsageBatch | null);
  'heartbeat'?: (_wherry_v1_Heartbeat | null);
  'conditions'?: (_wherry_v1_NodeConditions | null);
  'modules'?: (_wherry_v1_ModuleInventory | null);
  'contents'?: (_wherry_v1_ContentsInventory | null);
  'wakeUp'?: (_wherry_v1_WakeUp | null);
  'traffic'?: (_wherry_v1_TrafficBatch | null);
  'message'?: "hello"|"inventory"|"status"|"usage"|"heartbeat"|"conditions"|"modules"|"contents"|"wakeUp"|"traffic";
}

export interface NodeMessage__Output {
  'hello'?: (_wherry_v1_Hello__Output | null);
  'inventory'?: (_wherry_v1_Inventory__Output | null);
  'status'?: (_wherry_v1_StatusBatch__Output | null);
  'usage'?: (_wherry_v1_UsageBatch__Output | null);
  'heartbeat'?: (_wherry_v1_Heartbeat__Output | null);
  'conditions'?: (_wherry_v1_NodeConditions__Output | null);
  'modules'?: (_wherry_v1_ModuleInventory__Output | null);
  'contents'?: (_wherry_v1_ContentsInventory__Output | null);
  'wakeUp'?: (_wherry_v1_WakeUp__Output | null);
  'traffic'?: (_wherry_v1_TrafficBatch__Output | null);
  'message'?: "hello"|"inventory"|"status"|"usage"|"heartbeat"|"conditions"|"modules"|"contents"|"wakeUp"|"traffic";
}
