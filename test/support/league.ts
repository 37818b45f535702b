/** A league on a running Worker, for tests: its root token, calls with it, agents that are only HTTP. */
import { rootToken } from "../../src/model/token.ts";
import type { Inventory, PollReply, PollRequest } from "../../src/protocol/agent.ts";
import { bundle, type RunningWorker, runWorker, SECRET, type WorkerOptions } from "./miniflare.ts";

/** JSON of any shape: a test knows what it asked for. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Json = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Json;
}

export interface CallOptions {
  body?: unknown;
  token?: string | null;
  headers?: Record<string, string>;
}

export const startWorker = async (options?: WorkerOptions): Promise<RunningWorker> =>
  runWorker(await bundle("src/worker.ts"), options);

export class League {
  readonly url: string;
  readonly name: string;
  readonly token: string;

  private constructor(url: string, name: string, token: string) {
    this.url = url;
    this.name = name;
    this.token = token;
  }

  static async on(worker: Pick<RunningWorker, "url">, name: string): Promise<League> {
    return new League(worker.url, name, await rootToken(SECRET, name));
  }

  /** Strings and bytes are sent as they are, anything else as JSON. */
  fetch(method: string, path: string, { body, token = this.token, headers = {} }: CallOptions = {}): Promise<Response> {
    const isRaw = typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
    return fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: isRaw ? (body as string) : JSON.stringify(body), duplex: "half" }),
    });
  }

  async call(method: string, path: string, options?: CallOptions): Promise<Answer> {
    const response = await this.fetch(method, path, options);
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") && !text.includes("\n{");
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  /** @throws Error with the whole answer when it is not 2xx */
  async ok(method: string, path: string, options?: CallOptions): Promise<Json> {
    const { status, body } = await this.call(method, path, options);
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async makeToken(request: object): Promise<string> {
    return (await this.ok("POST", "/v1/tokens", { body: request })).token;
  }

  async join(cluster: string, name: string): Promise<TestAgent> {
    const token = await this.makeToken({ scope: "join", cluster });
    const key = `key-of-${cluster}-${name}-0123456789`;
    const { credential } = await this.ok("POST", "/agent/v1/join", { token, body: { name, key } });
    return new TestAgent(this, credential);
  }

  /** What the objects have counted, by `broker`, `cluster/NAME`, `framework/ID`, `shelf/NUMBER`. */
  async counts(): Promise<Record<string, Record<string, number>>> {
    const { objects } = await this.ok("GET", "/metrics?format=json");
    return Object.fromEntries(
      objects.map(({ object, name, values }: Json) => [name === "" ? object : `${object}/${name}`, values]),
    );
  }
}

const INVENTORY: Inventory = {
  capacity: { cpus: 4000, mem: 4_096_000 },
  attributes: { arch: "x64" },
  drivers: ["process"],
  version: "test",
};

export class TestAgent {
  readonly league: League;
  readonly credential: string;
  seq = 0;
  running: PollRequest["running"] = [];

  constructor(league: League, credential: string) {
    this.league = league;
    this.credential = credential;
  }

  request(more: Partial<PollRequest> = {}): PollRequest {
    this.seq += 1;
    const first = this.seq === 1 ? { inventory: INVENTORY } : {};
    const { seq, running } = this;
    return {
      session: 1,
      nonce: "nonce-of-it",
      seq,
      boot: "boot",
      running,
      updates: [],
      pressure: [],
      ...first,
      ...more,
    };
  }

  send(waitS: number, more: Partial<PollRequest> = {}, headers: Record<string, string> = {}): Promise<Response> {
    const options = { token: this.credential, body: this.request(more), headers };
    return this.league.fetch("POST", `/agent/v1/poll?wait=${waitS}`, options);
  }

  async poll(waitS = 0, more: Partial<PollRequest> = {}): Promise<PollReply> {
    const response = await this.send(waitS, more);
    if (response.status !== 200) throw new Error(`poll: ${response.status} ${await response.text()}`);
    return (await response.json()) as PollReply;
  }

  /** Polls until something is assigned, and says from then on that it runs. */
  async takeWork(): Promise<PollReply["assignments"]> {
    for (;;) {
      const { assignments } = await this.poll(1);
      this.running = [...this.running, ...assignments.map(({ task, epoch }): [string, number] => [task, epoch])];
      if (assignments.length > 0) return assignments;
    }
  }

  /** Says how attempts ended, until that is stored. */
  async end(attempts: { task: string; epoch: number }[], more: Partial<PollRequest["updates"][number]> = {}) {
    const updates = attempts.map(({ task, epoch }) => ({
      uuid: `end-of-${task}@${epoch}`,
      task,
      epoch,
      state: "succeeded" as const,
      code: 0,
      reason: "exit" as const,
      ...more,
    }));
    const ended = new Set(attempts.map(({ task, epoch }) => `${task}@${epoch}`));
    this.running = this.running.filter(([task, epoch]) => !ended.has(`${task}@${epoch}`));
    return this.poll(0, { updates });
  }

  putLogs(path: string, bytes: Uint8Array | string): Promise<Answer> {
    return this.league.call("PUT", `/agent/v1/tasks/${path}`, {
      token: this.credential,
      body: bytes,
      headers: { "content-type": "application/octet-stream" },
    });
  }
}

/** Asks again until it is so: for what comes about by messages between objects. */
export async function until<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    await new Promise((done) => setTimeout(done, 20));
  }
}
