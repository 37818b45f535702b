import { parseAgentId } from "../../model/framework.ts";
import type { AgentState, AgentStateAnswer } from "../../protocol/frameworks.ts";
import { RECOVERY_MS } from "../../protocol/levels.ts";
import type { ClusterMemory } from "../memory.ts";
import type { NodeState } from "../state.ts";

/** How agents stand here. */
export function agentStates(memory: ClusterMemory, agentIds: readonly string[]): AgentStateAnswer {
  return {
    states: Object.fromEntries(agentIds.map((id) => [id, stateOf(memory, id)])),
    isRecovering: [...memory.nodes.values()].some((node) => isRecovering(memory, node)),
  };
}

function stateOf(memory: ClusterMemory, id: string): AgentState {
  const agent = parseAgentId(id);
  const node = agent && memory.nodes.get(agent.node);
  if (!agent || !node || agent.cluster !== memory.cluster) return "unknown";
  if (node.removed || node.serial > agent.serial) return "gone";
  if (node.serial < agent.serial) return "unknown";
  if (node.isSilent) return "unreachable";
  return isRecovering(memory, node) ? "recovering" : "registered";
}

/** Nobody has heard of it since this object was built, and it may run what is not known here. */
function isRecovering({ self: { recoverMs } }: ClusterMemory, { removed, isSilent, seq }: NodeState): boolean {
  return !removed && !isSilent && seq === 0 && recoverMs >= 0 && recoverMs < RECOVERY_MS;
}
