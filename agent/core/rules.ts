/** The rules that at-most-one rests on, apart, so that the simulator can switch one off and see what it is for. */
import type { PollReply } from "../../src/protocol/agent.ts";
import type { AgentState } from "./types.ts";

export interface AgentRules {
  /** only the reply to the newest request counts */
  acceptsReply(state: AgentState, reply: PollReply): boolean;
  /** a lapsed attempt is never revived */
  mayRenew(deadlineMs: number | null, nowMs: number): boolean;
}

export const AGENT_RULES: AgentRules = {
  acceptsReply: (state, reply) =>
    state.inFlight !== null && reply.session === state.session && reply.seq === state.inFlight.seq,
  mayRenew: (deadlineMs, nowMs) => deadlineMs === null || nowMs < deadlineMs,
};
