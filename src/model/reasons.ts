/** Why tasks wait: a closed list, because people and programs act on it. Each has one sentence and one fix. */
export const REASONS = [
  "misconfigured", // what it asks for contradicts itself, or names what no node has
  "no-nodes", // no cluster that the job may use has a node that is up
  "constraint", // no node satisfies its constraints all together
  "not-accepted", // the nodes' own configs refuse its role or driver
  "never-fits", // no node, empty, could hold it
  "over-limit", // its role is at its limit, or borrows all that it may
  "share", // others that have had less are before it
  "reclaim", // others have what is its role's own, or its by priority, and are stopped for it if they do not end before
  "space", // waits for room
  "fragmented", // enough in all, not on one node
  "gang", // waits until all of a gang can start together
  "offers", // the room is held by offers to frameworks
  "paused", // the nodes are paused, drained or under pressure
  "refused", // the nodes that could run it refused it when it was handed out
  "holding", // a node is silent; its work waits until nothing can still run there
  "mass-silence", // the same, and longer: so many nodes fell silent together that it is likely the link
  "backoff", // it failed and waits before the next try
  "granting", // on the way to a cluster
] as const;
export type Reason = (typeof REASONS)[number];

/** They go away only when the fleet or the job changes. */
const NEVER = new Set<Reason>(["misconfigured", "never-fits", "constraint", "not-accepted"]);
export const isNever = (reason: Reason): boolean => NEVER.has(reason);
