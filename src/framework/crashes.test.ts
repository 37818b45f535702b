/** Nothing that was acknowledged is lost when the object dies, and updates stay in order however messages come. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { AGENT, info, level, offer, Scene, task, type Update } from "../../test/support/frameworkScene.ts";
import type { ObjectRef } from "../platform/seam.ts";
import type { AcceptRequest, TaskLevel, Tell } from "../protocol/frameworks.ts";
import type { FrameworkCall, FrameworkEvent } from "./methods.ts";

const FINAL = new Set(["TASK_FINISHED", "TASK_KILLED", "TASK_GONE"]);

/** A Cluster that remembers accepts and tells how its tasks stand until it is answered. */
class NorthCluster {
  readonly accepted = new Set<string>();
  readonly killed = new Set<string>();
  readonly declined = new Set<string>();
  readonly tasks = new Map<string, TaskLevel>();
  #rev = 0;

  hear(method: string, args: never): unknown {
    switch (method) {
      case "accept": {
        const { id, operations } = args as AcceptRequest;
        if (!this.accepted.has(id))
          for (const operation of operations)
            if (operation.type === "LAUNCH")
              for (const { taskId } of operation.tasks) this.tasks.set(taskId, level(taskId, "staging"));
        this.accepted.add(id);
        return { rejected: [], operations: [] };
      }
      case "killTask": {
        const { taskId } = args as { taskId: string };
        const known = this.tasks.get(taskId);
        if (known) this.killed.add(taskId);
        return {};
      }
      case "decline":
        for (const id of (args as { offers: string[] }).offers) this.declined.add(id);
    }
    return {};
  }
  set(taskId: string, state: TaskLevel["state"]): void {
    if (this.tasks.has(taskId)) this.tasks.set(taskId, level(taskId, state));
  }
  tell(more: Partial<Tell> = {}): Tell {
    const rev = ++this.#rev;
    const tasks = [...this.tasks.values()].map((one) => ({ ...one, seq: rev }));
    const nothing = { offers: [], rescinded: [], inverseOffers: [], rescindedInverse: [], lostAgents: [] };
    return { cluster: "north", incarnation: 1, rev, isWhole: false, ...nothing, tasks, ...more };
  }
}

/** What a scheduler may rely on. */
class Watch {
  readonly seen = new Map<string, Update[]>();
  readonly #acked = new Set<string>();
  readonly ended = new Set<string>();

  hear(event: FrameworkEvent): void {
    if (event.type !== "UPDATE" || event.status.uuid === null) return;
    const { status } = event;
    const all = this.seen.get(status.taskId) ?? [];
    this.seen.set(status.taskId, all);
    const last = all.at(-1);
    if (last?.uuid === status.uuid) {
      expect(status).toEqual(last);
      expect(this.#acked.has(status.uuid ?? "")).toBe(false);
      return;
    }
    expect(all.map(({ uuid }) => uuid)).not.toContain(status.uuid);
    if (last) expect(this.#acked.has(last.uuid ?? "")).toBe(true);
    expect(this.ended.has(status.taskId)).toBe(false);
    all.push(status);
  }
  acked({ uuid, taskId, state }: Update): void {
    this.#acked.add(uuid ?? "");
    if (FINAL.has(state)) this.ended.add(taskId);
  }
  states(taskId: string): string[] {
    return (this.seen.get(taskId) ?? []).map(({ state }) => state);
  }
}

class World {
  readonly scene = new Scene();
  readonly cluster = new NorthCluster();
  readonly watch = new Watch();

  /** Everything that left reaches whom it is for; answers come back. */
  deliver(): void {
    for (let round = 0; round < 20; round++) {
      const calls = this.scene.home.take("call");
      if (calls.length === 0) return;
      for (const { to, method, args } of calls) this.#answer(to, method, args as never);
    }
  }
  #answer(to: ObjectRef, method: string, args: never): void {
    const value =
      to.kind === "broker"
        ? { clusters: ["north"], rev: (args as { rev: number }).rev }
        : this.cluster.hear(method, args);
    this.scene.home.result(to, method, args, { ok: true, value });
  }
  hear(): void {
    for (const event of this.scene.events()) this.watch.hear(event);
  }
  heads(): Update[] {
    return [...this.watch.seen.values()].flatMap((all) => all.at(-1) ?? []);
  }
  ack(update: Update): void {
    this.scene.ack(update);
    if (this.scene.view().isConnected) this.watch.acked(update);
  }
  say(more: Partial<Tell> = {}): void {
    this.scene.home.call("tell", this.cluster.tell(more));
  }
  /** Until nobody has anything to say. */
  settle(): void {
    if (!this.scene.view().isConnected) this.scene.subscribe();
    for (let round = 0; round < 12; round++) {
      this.deliver();
      this.say();
      this.scene.pass(700_000);
      this.hear();
      for (const head of this.heads()) this.ack(head);
      this.hear();
    }
  }
}

const accept = (id: string, ...tasks: string[]): FrameworkCall => ({
  type: "ACCEPT",
  offerIds: [id],
  operations: [{ type: "LAUNCH", id: null, tasks: tasks.map((one) => task(one)) }],
  refuseMs: 0,
});

const STEPS: ((world: World) => void)[] = [
  ({ scene }) => void scene.subscribe(),
  (world) => world.say({ offers: [offer("north.1.1"), offer("north.1.2"), offer("north.1.3")] }),
  ({ scene }) => void scene.call(accept("north.1.1", "t", "u")),
  ({ scene }) => void scene.call({ type: "DECLINE", offerIds: ["north.1.2"], refuseMs: 5 }),
  (world) => world.deliver(),
  ({ cluster }) => cluster.set("t", "running"),
  (world) => world.say(),
  ({ scene }) => void scene.call({ type: "KILL", taskId: "u", agentId: null, graceMs: 3 }),
  (world) => world.deliver(),
  (world) => {
    world.hear();
    for (const head of world.heads()) world.ack(head);
  },
  ({ cluster }) => cluster.set("t", "succeeded"),
  ({ cluster }) => cluster.set("u", "cancelled"),
  (world) => world.say(),
  ({ scene }) => scene.home.closeSocket(scene.socket),
  ({ scene }) => void scene.subscribe(),
  ({ scene }) => void scene.call({ type: "SUPPRESS", roles: ["a"] }),
];

for (const crash of STEPS.keys()) {
  test(`dying after step ${crash} of ${STEPS.length} loses nothing that was acknowledged`, () => {
    const world = new World();
    for (const [n, step] of STEPS.entries()) {
      step(world);
      if (n !== crash) continue;
      // What the turn sent is lost with it.
      world.scene.home.crash();
    }
    world.settle();
    expect(world.watch.states("t")).toEqual(["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]);
    expect(world.watch.states("u")).toEqual(["TASK_KILLED"]);
    expect(world.cluster.accepted).toEqual(new Set(["north.1.1"]));
    expect(world.cluster.killed.has("u")).toBe(true);
    expect(world.cluster.declined.has("north.1.2")).toBe(true);
    expect(world.cluster.declined.has("north.1.3")).toBe(true);
    expect(world.scene.view()).toMatchObject({ state: "active", suppressedRoles: ["a"] });
    expect(world.scene.tasks().map(({ isCompleted }) => isCompleted)).toEqual([true, true]);
    expect(world.scene.home.query("SELECT * FROM request")).toEqual([]);
  });
}

const TASKS = ["t", "u", "v"];
const op = fc.oneof(
  fc.record({ op: fc.constantFrom("run", "silence", "end", "kill"), task: fc.constantFrom(...TASKS) }),
  fc.record({ op: fc.constantFrom("tell", "tell", "again", "late"), at: fc.nat(20) }),
  fc.record({ op: fc.constantFrom("ack", "ack", "ack", "hear", "stray"), at: fc.nat(20) }),
  fc.record({ op: fc.constantFrom("crash", "cut", "close", "subscribe", "deliver", "pass"), at: fc.nat(20) }),
);

test("each update is seen in order, none is lost, none is invented, and after the acknowledged end there is none", () => {
  fc.assert(
    fc.property(fc.array(op, { maxLength: 80 }), (ops) => {
      const world = new World();
      const { scene, cluster, watch } = world;
      const tells: Tell[] = [];
      const ran = new Map<string, number>();
      scene.subscribe({ info: info({ failoverTimeoutMs: 86_400_000 }) });
      world.say({ offers: [offer("north.1.1")] });
      scene.call(accept("north.1.1", ...TASKS));
      world.deliver();
      const over = (id: string) => ["succeeded", "cancelled"].includes(cluster.tasks.get(id)?.state ?? "");
      for (const one of ops) {
        world.hear();
        if ("task" in one) {
          if (over(one.task)) continue;
          const state = ({ run: "running", silence: "unreachable", end: "succeeded", kill: "cancelled" } as const)[
            one.op as "run"
          ];
          cluster.set(one.task, state);
          if (state === "running" || state === "succeeded") ran.set(one.task, (ran.get(one.task) ?? 0) + 1);
          continue;
        }
        const tell = tells[one.at % Math.max(1, tells.length)];
        const head = world.heads()[one.at % Math.max(1, world.heads().length)];
        switch (one.op) {
          case "tell":
            tells.push(cluster.tell());
            if (one.at > 5) scene.home.call("tell", tells.at(-1));
            break;
          case "again":
          case "late":
            if (tell) scene.home.call("tell", tell);
            break;
          case "ack":
            if (head) world.ack(head);
            break;
          case "stray":
            if (head) scene.ack({ ...head, uuid: "AAAAAAAAAAAAAAAAAAAAAA==" });
            break;
          case "crash":
            scene.home.crash();
            break;
          case "cut":
            scene.home.dropSockets();
            scene.home.crash();
            break;
          case "close":
            scene.home.closeSocket(scene.socket);
            break;
          case "subscribe":
            for (const event of scene.subscribe({ info: info({ failoverTimeoutMs: 86_400_000 }) })) watch.hear(event);
            break;
          case "deliver":
            world.deliver();
            break;
          case "pass":
            scene.pass(one.at * 4_000);
        }
      }
      world.hear();
      for (const id of TASKS) {
        if (over(id)) continue;
        cluster.set(id, "succeeded");
        ran.set(id, (ran.get(id) ?? 0) + 1);
      }
      world.settle();
      for (const id of TASKS) {
        const states = watch.states(id);
        expect(states.at(-1)).toBe(cluster.tasks.get(id)?.state === "succeeded" ? "TASK_FINISHED" : "TASK_KILLED");
        if (states.at(-1) === "TASK_FINISHED") expect(states.slice(0, 2)).toEqual(["TASK_STARTING", "TASK_RUNNING"]);
        expect(states.filter((state) => state === "TASK_STARTING").length).toBeLessThanOrEqual(1);
        expect(states.filter((state) => state === "TASK_RUNNING").length).toBeLessThanOrEqual(ran.get(id) ?? 0);
        expect(watch.ended.has(id)).toBe(true);
      }
      expect(scene.tasks().every(({ isCompleted }) => isCompleted)).toBe(true);
      expect(scene.tasks()).toHaveLength(TASKS.length);
      expect(scene.tasks().every(({ level: { agentId } }) => agentId === AGENT)).toBe(true);
    }),
    { numRuns: 150 },
  );
});
