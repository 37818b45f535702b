/** Numbers of the agent protocol, apart from its schemas so that an agent need not carry a validator. */

/** Longest time a poll may be held. */
export const MAX_WAIT_S = 25;
