/**
 * The Worker of a simulated world: carries polls and people's calls to the objects and holds what waits, with a network
 * on both sides of it. Some agents sit behind a proxy that now and then answers with what it answered before.
 */
import type { Held } from "../../../src/cluster/methods.ts";
import type { PollReply, PollRequest } from "../../../src/protocol/agent.ts";
import type { AgentHost, HttpAnswer } from "./agentHost.ts";
import type { Chance } from "./random.ts";
import { withRetries } from "./retries.ts";
import { type Answer, linkOf, type SimObject } from "./simObject.ts";
import type { World } from "./world.ts";

/** Replies that a proxy remembers of one agent. */
const REMEMBERED = 12;

export class Edge {
  /** chance that an agent's request is answered with an earlier reply, or with a proxy's error page */
  staleReplies = 0;
  errorPages = 0;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #replies = new Map<string, PollReply[]>();

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.chanceOf("edge");
  }

  poll(agent: AgentHost, request: PollRequest, waitS: number, done: (answer: HttpAnswer) => void): void {
    const { network, timeline, happenings } = this.#world;
    const lost = () => done({ status: 0 });
    const back = (answer: HttpAnswer): void => {
      if (answer.status === 200) this.#remember(agent.link, answer.reply);
      if (this.errorPages > 0 && this.#chance.of(this.errorPages) && happenings.strikes("error-page", agent.link)) {
        timeline.after(5, lost);
        return;
      }
      network.send(agent.link, () => done(answer), lost);
    };
    if (this.staleReplies > 0 && this.#chance.of(this.staleReplies)) {
      const stale = this.#replies.get(agent.link);
      if (stale && stale.length > 0 && happenings.strikes("reply-replayed", agent.link)) {
        const reply = this.#chance.pick(stale);
        timeline.after(this.#chance.int(1, 30), () => done({ status: 200, reply }));
        return;
      }
    }
    network.send(
      agent.link,
      () => {
        const cluster = this.#world.clusterOf(agent);
        if (waitS === 0) {
          this.#call(cluster, "poll", { claims: agent.claims, request }, (answer) => back(statusOf(answer)));
        } else this.#hold(cluster, agent, request, waitS, back);
      },
      lost,
    );
  }

  /** From the Worker, which is near. */
  #call(object: SimObject, method: string, args: unknown, done: (answer: Answer) => void): void {
    const ask = (answered: (answer: Answer) => void) => object.call(method, args, answered);
    withRetries(this.#world.timeline, this.#chance, ask, done);
  }

  #hold(
    cluster: SimObject,
    agent: AgentHost,
    request: PollRequest,
    waitS: number,
    back: (answer: HttpAnswer) => void,
  ): void {
    const { timeline } = this.#world;
    let over = false;
    let held: PollReply | null = null;
    const end = (answer: HttpAnswer): void => {
      if (over) return;
      over = true;
      back(answer);
      if (socket === null) return;
      // The object is told at once that nobody waits any more, or late.
      const open = socket;
      timeline.after(this.#chance.of(0.9) ? 1 : this.#chance.spread(10, 120_000), () => cluster.closeSocket(open));
    };
    const socket = cluster.openSocket({ poll: { claims: agent.claims, request, waitS } }, (event) => {
      if (event.type === "closed") return end(held === null ? { status: 503 } : { status: 200, reply: held });
      const message = event.message as Held;
      if (message.problem) return end(statusOf({ ok: false, ...message.problem }));
      if (!message.final) held = message.reply;
      else end(message.reply === null ? { status: 204 } : { status: 200, reply: message.reply });
    });
    if (socket === null) end({ status: 503 });
    else timeline.after(waitS * 1000, () => end(held === null ? { status: 204 } : { status: 200, reply: held }));
  }

  /** A person's call; repeated until it is answered. */
  request(object: SimObject, method: string, args: unknown, done: (answer: Answer) => void): void {
    const { network, timeline } = this.#world;
    const link = linkOf("people", object.name);
    let answered = false;
    const settle = (answer: Answer): void => {
      if (answered) return;
      if (answer.ok || answer.code !== "unavailable") {
        answered = true;
        done(answer);
      }
    };
    const attempt = (): void => {
      if (answered) return;
      network.send(
        link,
        () =>
          this.#call(object, method, args, (answer) =>
            network.send(
              link,
              () => settle(answer),
              () => {},
            ),
          ),
        () => {},
      );
      timeline.after(this.#chance.spread(500, 10_000), attempt);
    };
    attempt();
  }

  #remember(link: string, reply: PollReply): void {
    const replies = this.#replies.get(link) ?? [];
    replies.push(reply);
    if (replies.length > REMEMBERED) replies.shift();
    this.#replies.set(link, replies);
  }
}

function statusOf(answer: Answer): HttpAnswer {
  if (answer.ok) return { status: 200, reply: answer.value as PollReply };
  if (answer.code === "unauthenticated" || answer.code === "not-allowed") return { status: 401 };
  return { status: answer.code === "not-found" || answer.code === "gone" ? 404 : 503 };
}
