import { expect, test } from "vitest";
import { nodeOf, seenOf, seenTaskOf, statusOf, taskOf } from "../fixture/shown.ts";
import { Changes } from "./changes.ts";

const URL_OF = new URL("http://127.0.0.1:8787/");
const VIEWER = { league: "lab", role: null };

const typesOf = (events: { type?: unknown }[]) => events.map(({ type }) => type);

test("agents: added once, removed when silent or gone, added again when back", () => {
  const changes = new Changes(URL_OF);
  const of = (...nodes: ReturnType<typeof nodeOf>[]) => changes.ofAgents(nodes, VIEWER);
  expect(of(nodeOf("a"), nodeOf("b"))).toMatchObject([
    { type: "AGENT_ADDED", agent_added: { agent: { agent_info: { id: { value: "north.a.1" } }, active: true } } },
    { type: "AGENT_ADDED" },
  ]);
  expect(of(nodeOf("a"), nodeOf("b"))).toEqual([]);
  expect(of(nodeOf("a", { state: "suspect" }))).toEqual([
    { type: "AGENT_REMOVED", agent_removed: { agent_id: { value: "north.a.1" } } },
    { type: "AGENT_REMOVED", agent_removed: { agent_id: { value: "north.b.1" } } },
  ]);
  expect(typesOf(of(nodeOf("a")))).toEqual(["AGENT_ADDED"]);
  expect(of(nodeOf("a", { serial: 2 }))).toMatchObject([
    { agent_removed: { agent_id: { value: "north.a.1" } } },
    { agent_added: { agent: { agent_info: { id: { value: "north.a.2" } } } } },
  ]);
});

test("62 frameworks: what they are offered is no news, what they say and whether they are there is", () => {
  const changes = new Changes(URL_OF);
  const seen = seenOf("f1", ["lab"]);
  expect(changes.ofFrameworks([seen])).toMatchObject([
    { type: "FRAMEWORK_ADDED", framework_added: { framework: { framework_info: { id: { value: "f1" } } } } },
  ]);
  const used = { north: { used: { cpus: 1000 }, offered: { cpus: 1000 } } };
  expect(changes.ofFrameworks([{ ...seen, row: { ...seen.row, clusters: used } }])).toEqual([]);
  expect(changes.ofFrameworks([seenOf("f1", ["lab"], { isConnected: false })])).toMatchObject([
    { type: "FRAMEWORK_UPDATED", framework_updated: { framework: { connected: false } } },
  ]);
  expect(changes.ofFrameworks([{ ...seen, row: { ...seen.row, state: "removed" } }])).toMatchObject([
    { type: "FRAMEWORK_REMOVED", framework_removed: { framework_info: { id: { value: "f1" }, name: "cron" } } },
  ]);
  expect(changes.ofFrameworks([])).toEqual([]);
});

test("tasks: each status since the last look is told of, once", () => {
  const changes = new Changes(URL_OF);
  const framework = seenOf("f1", ["lab"]);
  const starting = statusOf("t", "TASK_STARTING", { atMs: 1 });
  const running = statusOf("t", "TASK_RUNNING", { atMs: 2 });
  const finished = statusOf("t", "TASK_FINISHED", { atMs: 3 });
  const of = (...statuses: (typeof running)[]) => changes.ofTasks([seenTaskOf(framework, taskOf("t", statuses))]);
  expect(of()).toMatchObject([{ type: "TASK_ADDED", task_added: { task: { state: "TASK_STAGING" } } }]);
  expect(of(starting)).toMatchObject([
    {
      type: "TASK_UPDATED",
      task_updated: { framework_id: { value: "f1" }, state: "TASK_STARTING", status: { task_id: { value: "t" } } },
    },
  ]);
  expect(of(starting, running, finished)).toMatchObject([
    { task_updated: { status: { state: "TASK_RUNNING" }, state: "TASK_FINISHED" } },
    { task_updated: { status: { state: "TASK_FINISHED" } } },
  ]);
  expect(of(starting, running, finished)).toEqual([]);
  // Older ones were dropped.
  expect(typesOf(of(statusOf("t", "TASK_LOST", { atMs: 4 })))).toEqual(["TASK_UPDATED"]);
  expect(changes.ofTasks([])).toEqual([]);
});

test("tasks: an id that is used again is told of as its newest task alone", () => {
  const changes = new Changes(URL_OF);
  const framework = seenOf("f1", ["lab"]);
  const seen = (task: string, ...statuses: ReturnType<typeof statusOf>[]) =>
    seenTaskOf(framework, taskOf("t", statuses, {}, { task }));
  const finished = seen("j-1.0", statusOf("t", "TASK_FINISHED", { atMs: 1 }));
  expect(typesOf(changes.ofTasks([finished]))).toEqual(["TASK_ADDED"]);
  // The newest comes first; on its way it has no name in its cluster yet.
  expect(typesOf(changes.ofTasks([seen(""), finished]))).toEqual(["TASK_ADDED"]);
  const running = seen("j-2.0", statusOf("t", "TASK_RUNNING", { atMs: 2 }));
  expect(typesOf(changes.ofTasks([running, finished]))).toEqual(["TASK_UPDATED"]);
  expect(changes.ofTasks([running, finished])).toEqual([]);
});
