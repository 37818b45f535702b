/** Which attempt is the newest, who speaks for a node, and which of what is said counts. */
import type { Mutation } from "./mutations.ts";

export const ATTEMPTS: readonly Mutation[] = [
  {
    rule: "epoch check",
    so: "the end of any attempt decides its task",
    patches: [{ file: "src/cluster/rules.ts", find: "boolean => epoch === newest", replace: "boolean => true" }],
  },
  {
    rule: "each hand-out of a Broker has a higher number",
    so: "a Broker hands out again under the number that it handed out before",
    patches: [{ file: "src/broker/grants.ts", find: "job.nextHandout += 1;", replace: "" }],
  },
  {
    rule: "each hand-out of a Cluster has a higher number",
    so: "a Cluster hands out again under the epoch of the attempt before",
    patches: [
      {
        file: "src/cluster/placing.ts",
        find: "epochOf(handoutOf(before), localOf(before) + 1)",
        replace: "epochOf(handoutOf(before), localOf(before))",
      },
    ],
  },
  {
    rule: "session and seq echo",
    so: "an agent takes any reply for the answer to its newest request",
    patches: [
      {
        file: "agent/core/rules.ts",
        find: "state.inFlight !== null && reply.session === state.session && reply.seq === state.inFlight.seq",
        replace: "state.inFlight !== null",
      },
    ],
  },
  {
    rule: "nonce echo",
    so: "an agent that has lost its journal takes replies to the one before it, whose sessions had the same numbers",
    season: "replays",
    patches: [
      {
        file: "agent/core/rules.ts",
        find: "nonce === undefined || nonce === state.nonce",
        replace: "nonce === undefined || state.nonce !== undefined",
      },
    ],
  },
  {
    rule: "a session for each start of an agent",
    so: "an agent that starts anew goes on with the session of the one before, and a Cluster lets it",
    patches: [
      { file: "agent/core/step.ts", find: "session += 1;", replace: "session = 1;" },
      { file: "src/cluster/poll.ts", find: "return request.nonce === node.nonce;", replace: "return true;" },
    ],
  },
  {
    rule: "one agent a credential",
    so: "a Cluster hears two agents with one credential, a copy of a disk say, by turns",
    patches: [
      {
        file: "src/cluster/poll.ts",
        find: "  if (request.session < node.session) return false;\n  if (request.session === node.session) return request.nonce === node.nonce;",
        replace: "  if (request.session === node.session) return true;",
      },
    ],
  },
  {
    rule: "later poll withdraws",
    so: "any poll without an attempt withdraws it, also one from before it was handed out",
    patches: [
      {
        file: "src/cluster/rules.ts",
        find: "poll.session === carried.session && poll.seq > carried.seq",
        replace: "true",
      },
    ],
  },
  {
    rule: "an agent tells an end until it is acked",
    so: "an agent forgets an end with the poll that tells it",
    patches: [
      {
        file: "agent/core/poll.ts",
        find: "      seq,\n      inFlight: { seq, sentAtMs: nowMs, held: waitS > 0, inventoryRev: state.inventoryRev },",
        replace:
          "      seq,\n      attempts: new Map([...state.attempts].filter(([, { end }]) => end === null)),\n      inFlight: { seq, sentAtMs: nowMs, held: waitS > 0, inventoryRev: state.inventoryRev },",
      },
      {
        file: "agent/core/poll.ts",
        find: 'effects: [{ type: "send", request, waitS }],',
        replace:
          'effects: [{ type: "send", request, waitS }, ...[...state.attempts.values()].filter(({ end }) => end !== null).map(({ key }) => ({ type: "forget", key }))],',
      },
    ],
  },
  {
    rule: "what is acked is in a row",
    so: "a Cluster acks each end that it is told, also one that it can't store yet",
    patches: [
      {
        file: "src/cluster/poll.ts",
        find: "const acked = stored.map(({ uuid }) => uuid);",
        replace: "const acked = request.updates.map(({ uuid }) => uuid);",
      },
    ],
  },
];
