/** The rules that at-most-one rests on, apart; the simulator takes each out and sees what it is for. */
import type { PollReply } from "../../src/protocol/agent.ts";
import type { AgentState } from "./types.ts";

/** Only the reply to the newest request counts, and only to one of this start: without a journal sessions begin anew. */
export const acceptsReply = (state: AgentState, reply: PollReply): boolean =>
  state.inFlight !== null && reply.session === state.session && reply.seq === state.inFlight.seq && isOwn(state, reply);

const isOwn = (state: AgentState, { nonce }: PollReply): boolean => nonce === undefined || nonce === state.nonce;

/** A lapsed attempt is never revived. */
export const mayRenew = (deadlineMs: number | null, nowMs: number): boolean =>
  deadlineMs === null || nowMs < deadlineMs;

/** While no guard lives nothing starts, and nothing is taken that would have to. */
export const isGuarded = ({ guarded }: Pick<AgentState, "guarded">): boolean => guarded;
