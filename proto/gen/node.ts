import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Acknowledge as _wherry_v1_Acknowledge, Acknowledge__Output as _wherry_v1_Acknowledge__Output } from './wherry/v1/Acknowledge.ts';
import type { Assign as _wherry_v1_Assign, Assign__Output as _wherry_v1_Assign__Output } from './wherry/v1/Assign.ts';
import type { Assignment as _wherry_v1_Assignment, Assignment__Output as _wherry_v1_Assignment__Output } from './wherry/v1/Assignment.ts';
import type { Capacity as _wherry_v1_Capacity, Capacity__Output as _wherry_v1_Capacity__Output } from './wherry/v1/Capacity.ts';
import type { ContentsInventory as _wherry_v1_ContentsInventory, ContentsInventory__Output as _wherry_v1_ContentsInventory__Output } from './wherry/v1/ContentsInventory.ts';
import type { FileContent as _wherry_v1_FileContent, FileContent__Output as _wherry_v1_FileContent__Output } from './wherry/v1/FileContent.ts';
import type { GatewayCertificate as _wherry_v1_GatewayCertificate, GatewayCertificate__Output as _wherry_v1_GatewayCertificate__Output } from './wherry/v1/GatewayCertificate.ts';
import type { GatewayNode as _wherry_v1_GatewayNode, GatewayNode__Output as _wherry_v1_GatewayNode__Output } from './wherry/v1/GatewayNode.ts';
import type { GatewayRoute as _wherry_v1_GatewayRoute, GatewayRoute__Output as _wherry_v1_GatewayRoute__Output } from './wherry/v1/GatewayRoute.ts';
import type { GatewayWorkload as _wherry_v1_GatewayWorkload, GatewayWorkload__Output as _wherry_v1_GatewayWorkload__Output } from './wherry/v1/GatewayWorkload.ts';
import type { Grant as _wherry_v1_Grant, Grant__Output as _wherry_v1_Grant__Output } from './wherry/v1/Grant.ts';
import type { Grants as _wherry_v1_Grants, Grants__Output as _wherry_v1_Grants__Output } from './wherry/v1/Grants.ts';
import type { Heartbeat as _wherry_v1_Heartbeat, Heartbeat__Output as _wherry_v1_Heartbeat__Output } from './wherry/v1/Heartbeat.ts';
import type { HeartbeatAnswer as _wherry_v1_HeartbeatAnswer, HeartbeatAnswer__Output as _wherry_v1_HeartbeatAnswer__Output } from './wherry/v1/HeartbeatAnswer.ts';
import type { HeldContents as _wherry_v1_HeldContents, HeldContents__Output as _wherry_v1_HeldContents__Output } from './wherry/v1/HeldContents.ts';
import type { HeldInstance as _wherry_v1_HeldInstance, HeldInstance__Output as _wherry_v1_HeldInstance__Output } from './wherry/v1/HeldInstance.ts';
import type { Hello as _wherry_v1_Hello, Hello__Output as _wherry_v1_Hello__Output } from './wherry/v1/Hello.ts';
import type { InstanceStatus as _wherry_v1_InstanceStatus, InstanceStatus__Output as _wherry_v1_InstanceStatus__Output } from './wherry/v1/InstanceStatus.ts';
import type { InstanceUsage as _wherry_v1_InstanceUsage, InstanceUsage__Output as _wherry_v1_InstanceUsage__Output } from './wherry/v1/InstanceUsage.ts';
import type { Inventory as _wherry_v1_Inventory, Inventory__Output as _wherry_v1_Inventory__Output } from './wherry/v1/Inventory.ts';
import type { LogChunk as _wherry_v1_LogChunk, LogChunk__Output as _wherry_v1_LogChunk__Output } from './wherry/v1/LogChunk.ts';
import type { LogReceipt as _wherry_v1_LogReceipt, LogReceipt__Output as _wherry_v1_LogReceipt__Output } from './wherry/v1/LogReceipt.ts';
import type { Module as _wherry_v1_Module, Module__Output as _wherry_v1_Module__Output } from './wherry/v1/Module.ts';
import type { ModuleInventory as _wherry_v1_ModuleInventory, ModuleInventory__Output as _wherry_v1_ModuleInventory__Output } from './wherry/v1/ModuleInventory.ts';
import type { NodeCondition as _wherry_v1_NodeCondition, NodeCondition__Output as _wherry_v1_NodeCondition__Output } from './wherry/v1/NodeCondition.ts';
import type { NodeConditions as _wherry_v1_NodeConditions, NodeConditions__Output as _wherry_v1_NodeConditions__Output } from './wherry/v1/NodeConditions.ts';
import type { NodeInfo as _wherry_v1_NodeInfo, NodeInfo__Output as _wherry_v1_NodeInfo__Output } from './wherry/v1/NodeInfo.ts';
import type { NodeMessage as _wherry_v1_NodeMessage, NodeMessage__Output as _wherry_v1_NodeMessage__Output } from './wherry/v1/NodeMessage.ts';
import type { NodeServiceClient as _wherry_v1_NodeServiceClient, NodeServiceDefinition as _wherry_v1_NodeServiceDefinition } from './wherry/v1/NodeService.ts';
import type { OpenLog as _wherry_v1_OpenLog, OpenLog__Output as _wherry_v1_OpenLog__Output } from './wherry/v1/OpenLog.ts';
import type { Owner as _wherry_v1_Owner, Owner__Output as _wherry_v1_Owner__Output } from './wherry/v1/Owner.ts';
import type { ReadyInstances as _wherry_v1_ReadyInstances, ReadyInstances__Output as _wherry_v1_ReadyInstances__Output } from './wherry/v1/ReadyInstances.ts';
import type { Runtime as _wherry_v1_Runtime, Runtime__Output as _wherry_v1_Runtime__Output } from './wherry/v1/Runtime.ts';
import type { SchedulerMessage as _wherry_v1_SchedulerMessage, SchedulerMessage__Output as _wherry_v1_SchedulerMessage__Output } from './wherry/v1/SchedulerMessage.ts';
import type { StatusBatch as _wherry_v1_StatusBatch, StatusBatch__Output as _wherry_v1_StatusBatch__Output } from './wherry/v1/StatusBatch.ts';
import type { Stop as _wherry_v1_Stop, Stop__Output as _wherry_v1_Stop__Output } from './wherry/v1/Stop.ts';
import type { StopInstance as _wherry_v1_StopInstance, StopInstance__Output as _wherry_v1_StopInstance__Output } from './wherry/v1/StopInstance.ts';
import type { Template as _wherry_v1_Template, Template__Output as _wherry_v1_Template__Output } from './wherry/v1/Template.ts';
import type { TemplateContents as _wherry_v1_TemplateContents, TemplateContents__Output as _wherry_v1_TemplateContents__Output } from './wherry/v1/TemplateContents.ts';
import type { Termination as _wherry_v1_Termination, Termination__Output as _wherry_v1_Termination__Output } from './wherry/v1/Termination.ts';
import type { TrafficBatch as _wherry_v1_TrafficBatch, TrafficBatch__Output as _wherry_v1_TrafficBatch__Output } from './wherry/v1/TrafficBatch.ts';
import type { UpdateContents as _wherry_v1_UpdateContents, UpdateContents__Output as _wherry_v1_UpdateContents__Output } from './wherry/v1/UpdateContents.ts';
import type { UpdateGateway as _wherry_v1_UpdateGateway, UpdateGateway__Output as _wherry_v1_UpdateGateway__Output } from './wherry/v1/UpdateGateway.ts';
import type { UsageBatch as _wherry_v1_UsageBatch, UsageBatch__Output as _wherry_v1_UsageBatch__Output } from './wherry/v1/UsageBatch.ts';
import type { VolumeContent as _wherry_v1_VolumeContent, VolumeContent__Output as _wherry_v1_VolumeContent__Output } from './wherry/v1/VolumeContent.ts';
import type { WakeUp as _wherry_v1_WakeUp, WakeUp__Output as _wherry_v1_WakeUp__Output } from './wherry/v1/WakeUp.ts';
import type { Welcome as _wherry_v1_Welcome, Welcome__Output as _wherry_v1_Welcome__Output } from './wherry/v1/Welcome.ts';
import type { WorkloadTraffic as _wherry_v1_WorkloadTraffic, WorkloadTraffic__Output as _wherry_v1_WorkloadTraffic__Output } from './wherry/v1/WorkloadTraffic.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  wherry: {
    v1: {
      Acknowledge: MessageTypeDefinition<_wherry_v1_Acknowledge, _wherry_v1_Acknowledge__Output>
      Assign: MessageTypeDefinition<_wherry_v1_Assign, _wherry_v1_Assign__Output>
      Assignment: MessageTypeDefinition<_wherry_v1_Assignment, _wherry_v1_Assignment__Output>
      Capacity: MessageTypeDefinition<_wherry_v1_Capacity, _wherry_v1_Capacity__Output>
      ContentsInventory: MessageTypeDefinition<_wherry_v1_ContentsInventory, _wherry_v1_ContentsInventory__Output>
      FileContent: MessageTypeDefinition<_wherry_v1_FileContent, _wherry_v1_FileContent__Output>
      GatewayCertificate: MessageTypeDefinition<_wherry_v1_GatewayCertificate, _wherry_v1_GatewayCertificate__Output>
      GatewayNode: MessageTypeDefinition<_wherry_v1_GatewayNode, _wherry_v1_GatewayNode__Output>
      GatewayRoute: MessageTypeDefinition<_wherry_v1_GatewayRoute, _wherry_v1_GatewayRoute__Output>
      GatewayWorkload: MessageTypeDefinition<_wherry_v1_GatewayWorkload, _wherry_v1_GatewayWorkload__Output>
      Grant: MessageTypeDefinition<_wherry_v1_Grant, _wherry_v1_Grant__Output>
      Grants: MessageTypeDefinition<_wherry_v1_Grants, _wherry_v1_Grants__Output>
      Heartbeat: MessageTypeDefinition<_wherry_v1_Heartbeat, _wherry_v1_Heartbeat__Output>
      HeartbeatAnswer: MessageTypeDefinition<_wherry_v1_HeartbeatAnswer, _wherry_v1_HeartbeatAnswer__Output>
      HeldContents: MessageTypeDefinition<_wherry_v1_HeldContents, _wherry_v1_HeldContents__Output>
      HeldInstance: MessageTypeDefinition<_wherry_v1_HeldInstance, _wherry_v1_HeldInstance__Output>
      Hello: MessageTypeDefinition<_wherry_v1_Hello, _wherry_v1_Hello__Output>
      InstanceStatus: MessageTypeDefinition<_wherry_v1_InstanceStatus, _wherry_v1_InstanceStatus__Output>
      InstanceUsage: MessageTypeDefinition<_wherry_v1_InstanceUsage, _wherry_v1_InstanceUsage__Output>
      Inventory: MessageTypeDefinition<_wherry_v1_Inventory, _wherry_v1_Inventory__Output>
      LogChunk: MessageTypeDefinition<_wherry_v1_LogChunk, _wherry_v1_LogChunk__Output>
      LogReceipt: MessageTypeDefinition<_wherry_v1_LogReceipt, _wherry_v1_LogReceipt__Output>
      Module: MessageTypeDefinition<_wherry_v1_Module, _wherry_v1_Module__Output>
      ModuleInventory: MessageTypeDefinition<_wherry_v1_ModuleInventory, _wherry_v1_ModuleInventory__Output>
      NodeCondition: MessageTypeDefinition<_wherry_v1_NodeCondition, _wherry_v1_NodeCondition__Output>
      NodeConditions: MessageTypeDefinition<_wherry_v1_NodeConditions, _wherry_v1_NodeConditions__Output>
      NodeInfo: MessageTypeDefinition<_wherry_v1_NodeInfo, _wherry_v1_NodeInfo__Output>
      NodeMessage: MessageTypeDefinition<_wherry_v1_NodeMessage, _wherry_v1_NodeMessage__Output>
      NodeService: SubtypeConstructor<typeof grpc.Client, _wherry_v1_NodeServiceClient> & { service: _wherry_v1_NodeServiceDefinition }
      OpenLog: MessageTypeDefinition<_wherry_v1_OpenLog, _wherry_v1_OpenLog__Output>
      Owner: MessageTypeDefinition<_wherry_v1_Owner, _wherry_v1_Owner__Output>
      ReadyInstances: MessageTypeDefinition<_wherry_v1_ReadyInstances, _wherry_v1_ReadyInstances__Output>
      Runtime: MessageTypeDefinition<_wherry_v1_Runtime, _wherry_v1_Runtime__Output>
      SchedulerMessage: MessageTypeDefinition<_wherry_v1_SchedulerMessage, _wherry_v1_SchedulerMessage__Output>
      StatusBatch: MessageTypeDefinition<_wherry_v1_StatusBatch, _wherry_v1_StatusBatch__Output>
      Stop: MessageTypeDefinition<_wherry_v1_Stop, _wherry_v1_Stop__Output>
      StopInstance: MessageTypeDefinition<_wherry_v1_StopInstance, _wherry_v1_StopInstance__Output>
      Template: MessageTypeDefinition<_wherry_v1_Template, _wherry_v1_Template__Output>
      TemplateContents: MessageTypeDefinition<_wherry_v1_TemplateContents, _wherry_v1_TemplateContents__Output>
      Termination: MessageTypeDefinition<_wherry_v1_Termination, _wherry_v1_Termination__Output>
      TrafficBatch: MessageTypeDefinition<_wherry_v1_TrafficBatch, _wherry_v1_TrafficBatch__Output>
      UpdateContents: MessageTypeDefinition<_wherry_v1_UpdateContents, _wherry_v1_UpdateContents__Output>
      UpdateGateway: MessageTypeDefinition<_wherry_v1_UpdateGateway, _wherry_v1_UpdateGateway__Output>
      UsageBatch: MessageTypeDefinition<_wherry_v1_UsageBatch, _wherry_v1_UsageBatch__Output>
      VolumeContent: MessageTypeDefinition<_wherry_v1_VolumeContent, _wherry_v1_VolumeContent__Output>
      WakeUp: MessageTypeDefinition<_wherry_v1_WakeUp, _wherry_v1_WakeUp__Output>
      Welcome: MessageTypeDefinition<_wherry_v1_Welcome, _wherry_v1_Welcome__Output>
      WorkloadTraffic: MessageTypeDefinition<_wherry_v1_WorkloadTraffic, _wherry_v1_WorkloadTraffic__Output>
    }
  }
}

