/** A broker as an agent sees it, for tests: real HTTP, one node, no rules of its own beyond those of the wire. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Template } from "../../src/model/job.ts";
import type { Action, Assignment, PollReply, PollRequest, Stop, Update } from "../../src/protocol/agent.ts";
import { attemptOf } from "./process/attempt.fixture.ts";

interface Given extends Assignment {
  template: Template;
  shown: boolean;
}
interface Held {
  request: PollRequest;
  response: ServerResponse;
  timer: NodeJS.Timeout;
}

/** What it can't ack yet may be told again after so long. */
const REPEAT_MS = 100;
const CREDENTIAL = `hnc_${Buffer.from(JSON.stringify({ exp: 4_000_000_000 })).toString("base64url")}_00`;

export class FakeBroker {
  readonly polls: PollRequest[] = [];
  readonly joins: unknown[] = [];
  readonly ends = new Map<string, Update>();
  readonly output = new Map<string, Buffer>();
  readonly ended = new Set<string>();
  stops: Stop[] = [];
  action: Action = "run";
  acks = true;
  /** a poll without news waits; else it is answered, and the next one comes, at once */
  holds = true;
  /** answers instead of the wire's own; null: as usual */
  odd: ((request: IncomingMessage, response: ServerResponse) => boolean) | null = null;
  readonly #given = new Map<string, Given>();
  #held: Held | null = null;
  #waiting: (() => void)[] = [];
  readonly #server: Server;
  url = "";

  constructor() {
    this.#server = createServer((request, response) => {
      if (this.odd?.(request, response)) return;
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => this.#answer(request, response, Buffer.concat(chunks)));
    });
  }

  /** The newest that was told. */
  get inventory(): PollRequest["inventory"] {
    return this.polls.findLast(({ inventory }) => inventory !== undefined)?.inventory;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    this.url = `http://127.0.0.1:${isPort(address) ? address.port : 0}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  give(job: Partial<Template>, task: string, epoch = 1, more: Pick<Assignment, "devices" | "ports"> = {}): void {
    const given = { task, epoch, item: null, ...more, template: attemptOf(job).template, shown: false };
    this.#given.set(`${task}@${epoch}`, given);
    this.wake();
  }

  /** Something changed for the node: answers the held poll. */
  wake(): void {
    const held = this.#held;
    if (!held) return;
    this.#held = null;
    clearTimeout(held.timer);
    json(held.response, 200, this.#reply(held.request));
  }

  /** Waits until `holds`, looked at after every request. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  async end(key: string): Promise<Update> {
    await this.until(() => this.ends.has(key));
    const update = this.ends.get(key);
    if (!update) throw new Error(`${key} has not ended`);
    return update;
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const url = new URL(request.url ?? "/", this.url);
    const upload = /^\/agent\/v1\/tasks\/([^/]+)\/(\d+)\/logs$/.exec(url.pathname);
    if (url.pathname === "/agent/v1/join") {
      this.joins.push(JSON.parse(body.toString()));
      json(response, 200, { league: "lab", cluster: "north", node: "n1", credential: CREDENTIAL });
    } else if (url.pathname === "/agent/v1/poll") {
      this.#poll(JSON.parse(body.toString()), Number(url.searchParams.get("wait")), response);
    } else if (upload) this.#store(`${upload[1]}@${upload[2]}/${url.searchParams.get("stream")}`, url, body, response);
    else json(response, 200, {});
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #poll(request: PollRequest, waitS: number, response: ServerResponse): void {
    this.polls.push(request);
    if (this.#held) {
      clearTimeout(this.#held.timer);
      this.#held.response.writeHead(204).end();
      this.#held = null;
    }
    for (const update of request.updates) this.ends.set(`${update.task}@${update.epoch}`, update);
    for (const [task, epoch] of request.running) {
      const given = this.#given.get(`${task}@${epoch}`);
      if (given) given.shown = true;
    }
    const reply = this.#reply(request);
    const idle = reply.assignments.length + reply.acked.length + reply.stops.length === 0 && this.action === "run";
    if (waitS === 0 || !idle || !this.holds) json(response, 200, reply);
    else {
      const timer = setTimeout(() => this.wake(), waitS * 1000);
      this.#held = { request, response, timer };
    }
  }

  #reply(request: PollRequest): PollReply {
    const open = [...this.#given.values()].filter(({ task, epoch }) => !this.ends.has(`${task}@${epoch}`));
    const fresh = open.filter(({ shown }) => !shown);
    return {
      session: request.session,
      seq: request.seq,
      renews: request.running.map(([task, epoch]) => `${task}@${epoch}`),
      jobs: Object.fromEntries(fresh.map(({ task, template }) => [task.slice(0, task.lastIndexOf(".")), template])),
      assignments: fresh.map(({ template: _, shown: __, ...assignment }) => assignment),
      stops: this.stops,
      acked: this.acks ? request.updates.map(({ uuid }) => uuid) : [],
      follows: [],
      nextPollMs: this.acks ? 0 : REPEAT_MS,
      action: this.action,
      wantInventory: false,
    };
  }

  #store(name: string, url: URL, body: Buffer, response: ServerResponse): void {
    const stored = this.output.get(name) ?? Buffer.alloc(0);
    if (Number(url.searchParams.get("offset")) !== stored.length) {
      const problem = {
        type: "",
        title: "",
        status: 416,
        code: "offset-mismatch",
        detail: "",
        data: { offset: stored.length },
      };
      json(response, 416, problem);
      return;
    }
    this.output.set(name, Buffer.concat([stored, body]));
    if (url.searchParams.get("end")) this.ended.add(name);
    json(response, 200, { offset: stored.length + body.length, followed: false });
  }
}

const isPort = (address: ReturnType<Server["address"]>): address is AddressInfo =>
  typeof address === "object" && address !== null;

function json(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response
    .writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) })
    .end(body);
}
