/** Holds an agent's poll while its Cluster sleeps on the other end of a socket. */
import type { ClusterMethods, ClusterSocketMessage, Held } from "../cluster/methods.ts";
import type { ObjectClient } from "../platform/objectClient.ts";
import type { PollReply } from "../protocol/agent.ts";
import { Inbox } from "./inbox.ts";
import { unavailable } from "./problems.ts";

type HeldPoll = Extract<ClusterSocketMessage, { poll: unknown }>;
type Poll = Parameters<ClusterMethods["poll"]>[0];

/** With no time to wait it is a plain call. @returns null when a newer poll of the same node took the hold over */
export const answerPoll = async (
  cluster: ObjectClient<ClusterMethods>,
  poll: Poll,
  waitS: number,
  signal: AbortSignal,
): Promise<PollReply | null> =>
  waitS === 0 ? cluster.call("poll", poll) : holdPoll(cluster, { poll: { ...poll, waitS } }, signal);

/** Everything that renews comes from the Cluster: when the socket is lost there is no answer but "try again". */
async function holdPoll(
  cluster: ObjectClient<ClusterMethods>,
  message: HeldPoll,
  signal: AbortSignal,
): Promise<PollReply | null> {
  const untilMs = Date.now() + message.poll.waitS * 1000;
  const inbox = await Inbox.open(cluster, message, signal);
  try {
    let kept: PollReply | null = null;
    for (;;) {
      const arrival = await inbox.take(Math.max(0, untilMs - Date.now()));
      if (arrival.is === "late" && kept) return kept;
      if (arrival.is !== "message") throw unavailable("the poll's hold was lost; poll again");
      const held = heldIn(arrival.message);
      if (held.final) return held.reply;
      kept = held.reply;
    }
  } finally {
    inbox.close();
  }
}

/** The Cluster says nothing else on this socket; problems were taken out before. */
const heldIn = (message: unknown): Held => message as Held;
