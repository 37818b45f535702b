/** Numbers of the agent protocol, apart from its schemas so that an agent need not carry a validator. */

/** Of the wire between agents and Clusters; it rises only when agents of the number before can't be served any more. */
export const AGENT_PROTOCOL = 1;

/** Longest time a poll may be held. */
export const MAX_WAIT_S = 25;

/** What a Cluster keeps of each node, and looks at in every turn, has bounds. */
export const MAX_ATTRIBUTES = 128;
export const MAX_RESOURCES = 64;
export const MAX_GPUS = 1024;
