/**
 * What nodes hear: the reply to a poll, at once or as soon as there is something to say, and the sockets that wait for it
 * or for a call. After a drill began, or of a node that is no more, they are closed.
 */
import type { SocketId, Sockets } from "../platform/seam.ts";
import type { PollReply } from "../protocol/agent.ts";
import { cutOff, isCut } from "./drill/cut.ts";
import type { Follows } from "./follows.ts";
import type { OpenPoll } from "./heldPolls.ts";
import { type ClusterMemory, NOT_RECOVERING } from "./memory.ts";
import type { Held, NodeClaims } from "./methods.ts";
import { type Heard, hasNews, isRest, replyTo } from "./poll.ts";
import { recallHeard } from "./silence.ts";
import type { WakeAttachment, Wakers } from "./wakers.ts";

/** What a socket is for; kept in its attachment. */
type Attachment = { hold: OpenPoll } | WakeAttachment;

/** A poll that counts, and what else its own reply says. */
type Polled = Extract<Heard, { kind: "heard" }>;

const polledBefore = (poll: OpenPoll): Polled => ({
  kind: "heard",
  poll,
  acked: [],
  unacked: 0,
  unknown: [],
  stops: [],
  wantInventory: false,
});

export class Answers {
  readonly #memory: ClusterMemory;
  readonly #sockets: Sockets;
  readonly #wakers: Wakers;
  readonly #follows: Follows;

  constructor(memory: ClusterMemory, sockets: Sockets, wakers: Wakers, follows: Follows) {
    this.#memory = memory;
    this.#sockets = sockets;
    this.#wakers = wakers;
    this.#follows = follows;
  }

  /** After the object was rebuilt. */
  recall(socket: SocketId, data: unknown, now: number): void {
    const attachment = data as Attachment | null;
    if (isCut(this.#memory, now)) {
      this.refuse(socket, attachment !== null && "hold" in attachment);
      return;
    }
    if (attachment && "hold" in attachment) {
      // What else runs there, that these rows do not know of, only a poll tells.
      if (this.#memory.self.recoverMs === NOT_RECOVERING) {
        this.#memory.heldPolls.set(socket, attachment.hold);
        recallHeard(this.#memory, attachment.hold, now);
        this.#memory.followed.recallHeard(attachment.hold, this.#memory.self.drill?.endedAtMs ?? null);
      } else this.#send(socket, { final: true, reply: null });
    }
    if (attachment && "wake" in attachment) this.#wakers.recall(socket, attachment.wake, now);
  }

  /** Not of a machine that had this name before: what is meant for the node would go there. */
  addWaker(socket: SocketId, claims: NodeClaims): void {
    const node = this.#memory.nodes.get(claims.node);
    if (node && (node.removed || node.serial !== claims.serial)) this.#sockets.close(socket);
    else this.#wakers.add(socket, claims.node);
  }

  // Replies.

  /** The poll is not held. */
  reply(polled: Polled, now: number): PollReply {
    const reply = this.#replyTo(polled, now);
    this.#noteTold(reply, polled.poll.node, now);
    return reply;
  }

  /** Answers the poll if there is anything to say, and keeps it otherwise. */
  replyOrHold(socket: SocketId, polled: Polled, now: number): void {
    const { poll } = polled;
    const reply = this.#replyTo(polled, now);
    if (this.#isFinal(reply, poll.node)) {
      this.#answerHold(socket, reply, poll.node, now);
      return;
    }
    this.#memory.heldPolls.set(socket, poll);
    this.#sockets.attach(socket, { hold: poll } satisfies Attachment);
    this.#send(socket, { final: false, reply });
  }

  /** Held polls for which there is something to say: of other nodes nothing changed. */
  replyToChanged(changed: Iterable<string>, now: number): void {
    for (const node of changed) {
      const poll = this.#memory.heldPolls.polls.get(node);
      if (!poll) continue;
      const reply = this.#replyTo(polledBefore(poll), now);
      if (!this.#isFinal(reply, node)) continue;
      const socket = this.#memory.heldPolls.take(node);
      if (socket !== null) this.#answerHold(socket, reply, node, now);
    }
  }

  /** For tests: a poll that is held would be answered now. */
  isDue(poll: OpenPoll, now: number): boolean {
    return this.#isFinal(this.#replyTo(polledBefore(poll), now), poll.node);
  }

  #replyTo({ poll, ...heard }: Polled, now: number): PollReply {
    this.#follows.expire(now);
    return replyTo(this.#memory, poll, {
      ...heard,
      followed: this.#follows.all,
      // What is kept there will be handed out there.
      wakeable: this.#wakers.has(poll.node) && !this.#memory.holds.isOn(poll.node),
    });
  }

  #answerHold(socket: SocketId, reply: PollReply, node: string, now: number): void {
    this.#noteTold(reply, node, now);
    this.#send(socket, { final: true, reply });
  }

  /** What the node will do by this reply. */
  #noteTold(reply: PollReply, name: string, now: number): void {
    this.#follows.told(name, reply.follows);
    const node = this.#memory.nodes.get(name);
    if (node && isRest(reply)) this.#wakers.letRest(node, now);
  }

  /** The reply need not wait for anything. */
  #isFinal(reply: PollReply, node: string): boolean {
    return hasNews(reply) || isRest(reply) || !this.#follows.isTold(node, reply.follows);
  }

  /** Nothing of the poll counted. */
  turnAway(socket: SocketId, reply: PollReply): void {
    this.#send(socket, { final: true, reply });
  }

  #send(socket: SocketId, held: Held): void {
    this.#sockets.send(socket, held);
    if (held.final) this.#sockets.close(socket);
  }

  // Ends without a reply.

  closed(socket: SocketId, now: number): void {
    this.#memory.heldPolls.closed(socket);
    this.#wakers.closed(socket, now);
  }

  /** A newer poll has come, or none is to be waited for. */
  endHold(node: string): void {
    const socket = this.#memory.heldPolls.take(node);
    if (socket !== null) this.#send(socket, { final: true, reply: null });
  }

  /** The node was removed. */
  dismiss(node: string, now: number): void {
    this.endHold(node);
    this.#wakers.dismiss(node, now);
    this.#follows.told(node, []);
  }

  /** Of a node that is cut off. @param isHold somebody waits at it for an answer */
  refuse(socket: SocketId, isHold: boolean): void {
    const { code, detail } = cutOff();
    if (isHold) this.#send(socket, { final: true, reply: null, problem: { code, detail } });
    else this.#sockets.close(socket);
  }

  /** A drill begins: what nodes have open breaks. */
  cutOff(now: number): void {
    const { heldPolls } = this.#memory;
    for (const node of [...heldPolls.polls.keys()]) {
      const socket = heldPolls.take(node);
      if (socket !== null) this.refuse(socket, true);
    }
    this.#wakers.dismissAll(now);
  }
}
