/** A Framework object on the test platform, with words for its scheduler and for its Clusters. */

import { Framework } from "../../src/framework/framework.ts";
import type {
  CallAnswer,
  FrameworkCall,
  FrameworkEvent,
  FrameworkMethods,
  FrameworkView,
  Subscribe,
} from "../../src/framework/methods.ts";
import {
  agentId,
  type Capability,
  type FrameworkInfo,
  type LaunchTask,
  type Offer,
} from "../../src/model/framework.ts";
import type { SocketId } from "../../src/platform/seam.ts";
import type { TaskLevel, Tell, TellAnswer } from "../../src/protocol/frameworks.ts";
import { harness, type ObjectHome } from "../sim/nodeSqlite.ts";

export const ID = "fw-1";
export const AGENT = agentId("north", "n1", 1);
export const OTHER_AGENT = agentId("north", "n2", 1);

export const info = (more: Partial<FrameworkInfo> = {}): FrameworkInfo => ({
  user: "ann",
  name: "scheduler",
  failoverTimeoutMs: 3_600_000,
  checkpoint: false,
  roles: [
    { name: "a", role: "lab/a" },
    { name: "b", role: "lab/b" },
  ],
  hostname: null,
  principal: "p",
  webuiUrl: null,
  capabilities: ["MULTI_ROLE", "PARTITION_AWARE"],
  labels: [],
  minAllocatable: {},
  ...more,
});
export const unaware: { capabilities: Capability[] } = { capabilities: ["MULTI_ROLE"] };

const PIECES = [{ reservation: null, amounts: { cpus: 1000 }, ports: [] }];

export const offer = (id: string, more: Partial<Offer> = {}): Offer => ({
  id,
  agent: { id: AGENT, hostname: "n1", ip: "10.0.0.1", region: null, zone: null, attributes: {} },
  role: "a",
  pieces: PIECES,
  executorIds: [],
  ...more,
});
export const onOther = (id: string): Offer => offer(id, { agent: { ...offer(id).agent, id: OTHER_AGENT } });

export const task = (taskId: string, more: Partial<LaunchTask> = {}): LaunchTask => ({
  taskId,
  name: taskId,
  agentId: AGENT,
  pieces: PIECES,
  template: {} as LaunchTask["template"],
  executorId: null,
  error: null,
  told: { labels: [], discovery: null, container: null },
  ...more,
});
export const launch = (...ids: string[]): Extract<FrameworkCall, { type: "ACCEPT" }>["operations"] => [
  { type: "LAUNCH", id: null, tasks: ids.map((id) => task(id)) },
];

export const level = (taskId: string, state: TaskLevel["state"], more: Partial<TaskLevel> = {}): TaskLevel => ({
  taskId,
  agentId: AGENT,
  executorId: null,
  task: `job-${taskId}.0`,
  epoch: 1,
  seq: 0,
  state,
  reason: null,
  code: null,
  signal: null,
  message: null,
  atMs: 1_800_000_000_000,
  role: "a",
  name: taskId,
  resources: { cpus: 1000 },
  ports: [],
  ip: "10.0.0.1",
  ...more,
});

export type Update = Extract<FrameworkEvent, { type: "UPDATE" }>["status"];

export class Scene {
  readonly home: ObjectHome<Framework>;
  #streams = 0;
  #rev = 0;
  stream = "";
  socket: SocketId = "";

  constructor() {
    this.home = harness((platform) => new Framework(platform), { kind: "framework", league: "l", name: ID });
  }

  /** @returns the events of the new stream */
  subscribe(more: Partial<Subscribe["subscribe"]> = {}): FrameworkEvent[] {
    this.stream = `stream-${++this.#streams}`;
    this.socket = this.home.openSocket();
    const subscribe = {
      streamId: this.stream,
      info: info(),
      suppressedRoles: [],
      constraints: { roles: {} },
      optionsError: null,
      ...more,
    };
    this.home.message(this.socket, { subscribe });
    return this.events();
  }
  call(call: FrameworkCall, streamId: string | null = this.stream, principal: string | null = "p"): CallAnswer {
    return this.home.call("call", { streamId, principal, call }) as CallAnswer;
  }
  tell(more: Partial<Tell> = {}): TellAnswer {
    const rev = more.rev ?? ++this.#rev;
    const tell: Tell = {
      cluster: "north",
      incarnation: 1,
      rev,
      isWhole: false,
      offers: [],
      rescinded: [],
      inverseOffers: [],
      rescindedInverse: [],
      lostAgents: [],
      ...more,
      tasks: (more.tasks ?? []).map((one) => ({ ...one, seq: rev })),
    };
    return this.home.call("tell", tell) as TellAnswer;
  }
  /** of the newest stream, taken */
  events(socket: SocketId = this.socket): FrameworkEvent[] {
    const all = this.home.take("send");
    this.home.effects.unshift(...all.filter((one) => one.socket !== socket));
    return all.filter((one) => one.socket === socket).map(({ message }) => message as FrameworkEvent);
  }
  updates(): Update[] {
    return this.events().flatMap((event) => (event.type === "UPDATE" ? [event.status] : []));
  }
  ack({ taskId, agentId: agent, uuid }: Update): void {
    this.call({ type: "ACKNOWLEDGE", taskId, agentId: agent ?? "", uuid: uuid ?? "" });
  }
  /** Acknowledges whatever comes. @returns the states, in order */
  drain(): string[] {
    const states: string[] = [];
    for (let all = this.updates(); all.length > 0; all = this.updates())
      for (const update of all) {
        states.push(update.state);
        if (update.uuid !== null) this.ack(update);
      }
    return states;
  }
  asked(method: string) {
    const calls = this.home.take("call");
    this.home.effects.push(...calls.filter((one) => one.method !== method));
    // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
    return calls.filter((one) => one.method === method) as { to: any; method: string; args: any }[];
  }
  answer(method: string, value: unknown): void {
    for (const { to, args } of this.asked(method)) this.home.result(to, method, args, { ok: true, value });
  }
  /** Offers one and launches on it. */
  launched(...ids: string[]): void {
    const id = `north.1.${ids.join("-")}`;
    this.tell({ offers: [offer(id)] });
    this.call({ type: "ACCEPT", offerIds: [id], operations: launch(...ids), refuseMs: 5000 });
    this.answer("accept", { rejected: [], operations: [] });
    this.events();
  }
  /** Time passes, with each alarm as it is due. */
  pass(ms: number): void {
    const until = this.home.nowMs + ms;
    for (let n = 0; n < 10_000; n++) {
      const at = this.home.alarmAt;
      if (at === null || at > until) break;
      this.home.nowMs = Math.max(this.home.nowMs, at);
      this.home.fireAlarm();
    }
    this.home.nowMs = until;
  }
  view(): FrameworkView {
    const view = this.home.call("view", {}) as FrameworkView | null;
    if (!view) throw new Error("nobody subscribed");
    return view;
  }
  tasks() {
    return (this.home.call("tasks", { after: null, limit: 100 }) as ReturnType<FrameworkMethods["tasks"]>).items;
  }
}

export function subscribed(more: Parameters<Scene["subscribe"]>[0] = {}): Scene {
  const scene = new Scene();
  scene.subscribe(more);
  return scene;
}
/** With a task t, of which all was acknowledged. */
export function running(more: Parameters<Scene["subscribe"]>[0] = {}): Scene {
  const scene = subscribed(more);
  scene.launched("t");
  scene.tell({ tasks: [level("t", "running")] });
  scene.drain();
  return scene;
}
