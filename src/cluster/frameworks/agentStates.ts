import { parseAgentId } from "../../model/framework.ts";
import type { AgentState } from "../../protocol/frameworks.ts";
import type { ClusterMemory } from "../memory.ts";

/** How agents stand here, by id. */
export function agentStates(memory: ClusterMemory, agentIds: readonly string[]): Record<string, AgentState> {
  return Object.fromEntries(agentIds.map((id) => [id, stateOf(memory, id)]));
}

function stateOf(memory: ClusterMemory, id: string): AgentState {
  const agent = parseAgentId(id);
  const node = agent && memory.nodes.get(agent.node);
  if (!agent || !node || agent.cluster !== memory.cluster) return "unknown";
  if (node.removed || node.serial > agent.serial) return "gone";
  if (node.serial < agent.serial) return "unknown";
  if (node.isSilent) return "unreachable";
  // Nobody has heard of it since this object was built, and it may run what is not known here.
  return node.seq === 0 && memory.self.recoverMs >= 0 ? "recovering" : "registered";
}
