/**
 * The Worker of a simulated world: carries polls and people's calls to the objects and waits for them, by the real code
 * in isolates that may be evicted, with a network on both sides of it. Some agents sit behind a proxy that now and then
 * answers with what it answered before.
 */

import type { Exchange, Answer as HttpResponse } from "../../../agent/host/broker/exchange.ts";
import { isPollReply } from "../../../agent/host/broker/replyShape.ts";

import { feed } from "../../../src/api/eventFeed.ts";

import { answerPoll } from "../../../src/api/hold.ts";
import { jobAtEnd } from "../../../src/api/jobWait.ts";
import { unavailable } from "../../../src/api/problems.ts";
import type { BrokerMethods } from "../../../src/broker/methods.ts";
import type { ClusterMethods } from "../../../src/cluster/methods.ts";
import { Problem } from "../../../src/model/problems.ts";
import type { JobView } from "../../../src/model/views.ts";
import type { ObjectClient } from "../../../src/platform/objectClient.ts";
import { type PollReply, type PollRequest, pollRequestSchema } from "../../../src/protocol/agent.ts";

import type { ShelfMethods, Stream } from "../../../src/shelf/methods.ts";
import { shelfOf } from "../../../src/shelf/shelfOf.ts";

import { withoutLater } from "../../golden/shape.ts";
import { Violation } from "../invariants/checks.ts";
import type { Heard } from "../people/reader.ts";

import type { AgentHost, HttpAnswer } from "./agentHost.ts";
import { Isolate, ObjectFault } from "./isolate.ts";
import type { Chance } from "./random.ts";
import { type Answer, linkOf, type SimObject } from "./simObject.ts";
import { WORKER } from "./wire.ts";
import type { World } from "./world.ts";

/** Replies that a proxy remembers of one agent. */
const REMEMBERED = 12;
const ISOLATES = 2;
/** The Worker hears that a client has gone at once, or so late. */
const GONE_AT_ONCE = 0.9;
const LATEST_ABORT_MS = 60_000;
/** A call to an object that was lost silently is tried twice more before its request ends. */
const GONE_MS = 70_000;

/** Whatever object a person asks. */
type AnyMethods = Record<string, (args: unknown) => unknown>;

/** A client's request while the Worker has it. */
interface Request {
  isolate: Isolate;
  /** when its client has gone, as far as the Worker knows */
  goneAtMs: number | null;
  /** its client's, not the Worker's */
  lost: () => void;
}

export class Edge {
  /** chance that an agent's request is answered with an earlier reply, or with a proxy's error page */
  staleReplies = 0;
  errorPages = 0;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #workerChance: Chance;
  readonly #chances = new Map<string, Chance>();
  readonly #replies = new Map<string, PollReply[]>();
  readonly #isolates: Isolate[];
  readonly #requests = new Set<Request>();

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.chanceOf("edge");
    this.#workerChance = world.chanceOf("worker");
    this.#isolates = Array.from({ length: ISOLATES }, () => this.#newIsolate());
  }

  /** @returns what its client calls when it does not wait any more */
  poll(agent: AgentHost, request: PollRequest, waitS: number, done: (answer: HttpAnswer) => void): () => void {
    const { timeline, happenings } = this.#world;
    const lost = () => done({ status: 0 });
    if (this.staleReplies > 0 && this.#chance.of(this.staleReplies)) {
      const stale = this.#staleFor(agent, request);
      if (stale.length > 0 && happenings.strikes("reply-replayed", agent.link)) {
        const reply = this.#chance.pick(stale);
        timeline.after(this.#chance.int(1, 30), () => done({ status: 200, reply }));
        return () => {};
      }
    }
    return this.#ask<HttpAnswer>(
      agent.link,
      async (isolate, signal) => {
        const poll = { claims: agent.claims, request: this.#read(agent, request) };
        const client = isolate.client<ClusterMethods>(this.#world.clusterOf(agent));
        const reply = await answerPoll(client, poll, waitS, signal);
        return reply === null ? { status: 204 } : { status: 200, reply: this.#told(agent, reply) };
      },
      statusOf,
      (answer) => {
        if (answer.status === 200) this.#remember(agent.link, answer.reply);
        const isPage = this.errorPages > 0 && this.#chance.of(this.errorPages);
        if (isPage && happenings.strikes("error-page", agent.link)) timeline.after(5, lost);
        else this.#world.network.send(agent.link, () => done(answer), lost);
      },
      lost,
    );
  }

  /** As the Worker takes a poll, whatever version its agent is of. */
  #read({ link }: AgentHost, request: PollRequest): PollRequest {
    const said = this.#world.wire.pass("agent.poll", link, WORKER, request);
    const { data, error } = pollRequestSchema.safeParse(said);
    this.#world.checks.hold("understood", data !== undefined, () => `a poll of ${link} is refused: ${error?.message}`);
    return data as PollRequest;
  }

  /** As an agent takes a reply. */
  #told({ link }: AgentHost, reply: PollReply): PollReply {
    const told = this.#world.wire.pass("agent.reply", WORKER, link, reply);
    this.#world.checks.hold("understood", isPollReply(told), () => `${link} takes no reply: ${JSON.stringify(told)}`);
    return told;
  }

  /** A PUT of an agent's output. @param done null: there is no answer */
  exchange(agent: AgentHost, exchange: Exchange, done: (answer: HttpResponse | null) => void): void {
    const { timeline, network } = this.#world;
    let isOver = false;
    const settle = (answer: HttpResponse | null): void => {
      if (isOver) return;
      isOver = true;
      done(answer);
    };
    const leave = this.#ask<HttpResponse>(
      agent.link,
      async (isolate) => {
        const stored = await this.#put(isolate, agent, exchange);
        return responseOf(200, this.#world.wire.pass("agent.upload.answer", WORKER, agent.link, stored));
      },
      (problem) => responseOf(problem.status, problem.toBody(), problem.extra.retryAfterS),
      (answer) =>
        network.send(
          agent.link,
          () => settle(answer),
          () => settle(null),
        ),
      () => settle(null),
    );
    timeline.after(exchange.deadlineMs, () => {
      if (!isOver) leave();
      settle(null);
    });
  }

  #put(
    isolate: Isolate,
    { claims }: AgentHost,
    { path, body }: Exchange,
  ): ReturnType<ObjectClient<ShelfMethods>["call"]> {
    const { pathname, searchParams } = new URL(path, "https://league.example");
    const [, , , , task = "", epoch] = pathname.split("/");
    const number = (name: string) => Number(searchParams.get(name));
    const shelf = this.#world.objectOf(shelfOf(claims.league, task));
    if (!shelf) throw new Error(`no Shelf for ${task}`);
    return isolate.client<ShelfMethods>(shelf).call("put", {
      ...{ task, epoch: Number(epoch), stream: searchParams.get("stream") as Stream, offset: number("offset") },
      bytes: new Uint8Array(body as Buffer),
      end: searchParams.get("end") === "1" ? { size: number("size"), crc32: number("crc32") } : null,
      writer: `${claims.cluster}/${claims.node}`,
    });
  }

  /** A person's call; repeated until it is answered, unless the object is restored meanwhile. */
  request(object: SimObject, method: string, args: unknown, done: (answer: Answer) => void): void {
    const { timeline } = this.#world;
    const { restores } = object;
    const isVain = () => object.restores !== restores;
    let isAnswered = false;
    const settle = (answer: Answer): void => {
      if (isAnswered || isVain() || (!answer.ok && answer.code === "unavailable")) return;
      isAnswered = true;
      done(answer);
    };
    const attempt = (): void => {
      if (isAnswered || isVain()) return;
      this.#person(
        object,
        async (isolate) => {
          if (isVain()) throw unavailable("the object was restored");
          const client: ObjectClient<AnyMethods> = isolate.client(object);
          return client.call(method, args);
        },
        settle,
      );
      timeline.after(this.#chance.spread(500, 10_000), attempt);
    };
    attempt();
  }

  /** A person waits for a job's end, once. @returns what ends the wait: Ctrl-C */
  waitForJob(job: string, waitS: number, done: (view: JobView | null) => void): () => void {
    return this.#person(
      this.#world.broker,
      (isolate, signal) => jobAtEnd(isolate.client<BrokerMethods>(this.#world.broker), job, waitS, signal),
      (answer) => done(answer.ok ? (answer.value as JobView) : null),
      () => done(null),
    );
  }

  /** A person follows the events of the league. @returns what ends it: Ctrl-C */
  followEvents(since: string | null, heard: Heard, over: () => void): () => void {
    const { broker, network } = this.#world;
    const link = linkOf("people", broker.name);
    return this.#person(
      broker,
      async (isolate, signal) => {
        const stream = {};
        let chunks = 0;
        const query = { since, job: null, follow: true };
        for await (const events of feed(isolate.client<BrokerMethods>(broker), query, signal)) {
          const chunk = chunks++;
          network.send(
            link,
            // A person sees what this version tells of, whatever more a later one does.
            () => heard(stream, chunk, events.map(withoutLater)),
            () => {},
          );
        }
      },
      over,
      over,
    );
  }

  /** All that an isolate holds is lost, and its clients hear of it or don't. */
  evict(chance: Chance): void {
    const isolate = chance.pick(this.#isolates);
    this.#isolates[this.#isolates.indexOf(isolate)] = this.#newIsolate();
    isolate.evict();
    for (const request of [...this.#requests].filter((one) => one.isolate === isolate)) {
      this.#requests.delete(request);
      if (chance.of(0.8)) this.#world.timeline.after(chance.int(1, 50), request.lost);
    }
  }

  /** What is held is held for somebody. */
  look(): void {
    const { checks, timeline } = this.#world;
    for (const isolate of this.#isolates) {
      const requests = [...this.#requests].filter((request) => request.isolate === isolate);
      checks.hold(
        "waits-let-go",
        isolate.sockets <= requests.length,
        () => `an isolate of the Worker holds ${isolate.sockets} sockets for ${requests.length} requests`,
      );
      for (const { goneAtMs } of requests) {
        const longMs = timeline.nowMs - (goneAtMs ?? timeline.nowMs);
        checks.hold("waits-let-go", longMs <= GONE_MS, () => `a client has gone, and is waited for since ${longMs} ms`);
      }
    }
  }

  #newIsolate(): Isolate {
    return new Isolate(this.#world, this.#chances);
  }

  /** @param object that is asked most: who is cut off from it does not reach it */
  #person(
    object: SimObject,
    handle: (isolate: Isolate, signal: AbortSignal) => Promise<unknown>,
    settle: (answer: Answer) => void,
    lost = () => {},
  ): () => void {
    const link = linkOf("people", object.name);
    return this.#ask<Answer>(
      link,
      async (isolate, signal) => ({ ok: true, value: await handle(isolate, signal) }),
      (problem) => ({ ok: false, code: problem.code, detail: problem.detail, problem }),
      (answer) => this.#world.network.send(link, () => settle(answer), lost),
      lost,
    );
  }

  /**
   * One request of a client over its link, which may arrive more than once.
   * @param back with the answer, on the Worker's side @returns what its client calls when it does not wait any more
   */
  #ask<A>(
    link: string,
    handle: (isolate: Isolate, signal: AbortSignal) => Promise<A>,
    refused: (problem: Problem) => A,
    back: (answer: A) => void,
    lost: () => void,
  ): () => void {
    const { network, timeline } = this.#world;
    const open: { request: Request; abort: AbortController }[] = [];
    let hasGone = false;
    network.send(
      link,
      () => {
        if (hasGone) return;
        const request: Request = { isolate: this.#workerChance.pick(this.#isolates), goneAtMs: null, lost };
        const abort = new AbortController();
        open.push({ request, abort });
        this.#requests.add(request);
        const answered = (answer: A): void => {
          if (this.#requests.delete(request) && !abort.signal.aborted) back(answer);
        };
        handle(request.isolate, abort.signal)
          .catch((error: unknown) => refused(this.#problemOf(error)))
          .then(answered)
          .catch((error: unknown) => timeline.failed(error));
        timeline.settled();
      },
      lost,
    );
    return () => {
      hasGone = true;
      // Who is cut off can't say that it has gone.
      if (open.length === 0 || network.isCut(link)) return;
      const atOnce = this.#workerChance.of(GONE_AT_ONCE);
      timeline.after(atOnce ? 1 : this.#workerChance.spread(10, LATEST_ABORT_MS), () => {
        for (const { request, abort } of open) {
          request.goneAtMs ??= timeline.nowMs;
          abort.abort();
        }
        timeline.settled();
      });
    };
  }

  /** As the Worker answers what a handler threw. */
  #problemOf(error: unknown): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof Violation) throw error;
    const isFault = error instanceof ObjectFault;
    this.#world.checks.hold("turns-whole", isFault, () => `the Worker threw ${(error as Error).stack}`);
    return unavailable("the object can't be reached");
  }

  /** In their season, if there are any, those that only the nonce tells from an answer. */
  #staleFor({ link }: AgentHost, { session, seq, nonce }: PollRequest): PollReply[] {
    const replies = this.#replies.get(link) ?? [];
    if (this.#world.season !== "replays") return replies;
    const likely = replies.filter((one) => one.session === session && one.seq === seq && one.nonce !== nonce);
    return likely.length > 0 ? likely : replies;
  }

  #remember(link: string, reply: PollReply): void {
    const replies = this.#replies.get(link) ?? [];
    replies.push(reply);
    if (replies.length > REMEMBERED && this.#world.season !== "replays") replies.shift();
    this.#replies.set(link, replies);
  }
}

function responseOf(status: number, body: unknown, retryAfterS?: number): HttpResponse {
  const headers = retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) };
  return { status, headers, body: Buffer.from(JSON.stringify(body)) };
}

function statusOf({ code, extra }: Problem): HttpAnswer {
  const { retryAfterS } = extra;
  if (code === "unauthenticated" || code === "not-allowed") return { status: 401 };
  const status = code === "not-found" || code === "gone" ? 404 : 503;
  return { status, ...(retryAfterS !== undefined && { retryAfterMs: retryAfterS * 1000 }) };
}
