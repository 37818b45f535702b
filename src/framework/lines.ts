/** The updates of each task, in order: only the first is sent, again and again until it is acknowledged. */
import { isFinal, type TaskStatus } from "../model/framework.ts";
import type { TaskLevel } from "../protocol/frameworks.ts";
import { said } from "./ends.ts";
import type { FrameworkMemory } from "./memory.ts";
import { executorOf, isAware, type Queued, type Said, type Task } from "./state.ts";
import { randomUuid } from "./uuid.ts";

const FIRST_MS = 10_000;
const LONGEST_MS = 600_000;
/** Sent in one turn, so that the stream has time to take them. */
export const MOST_EVENTS = 1_000;
/** As sent, of each task. */
const MAX_STATUSES = 16;

/** From now on it stands so, and what is to be said of that is said. */
export function stand(memory: FrameworkMemory, task: Task, level: TaskLevel, now: number): void {
  const { info } = memory.known;
  task.level = level;
  const understands = { partitions: isAware(memory.known), killing: info.capabilities.includes("TASK_KILLING_STATE") };
  say(memory, task, said(task, level, understands), now);
}

/** Puts what is said of the task in its line, and stores it. */
function say(memory: FrameworkMemory, task: Task, all: readonly Said[], now: number): void {
  for (const said of all) {
    const { state, isQueued } = said;
    task.state = state;
    if (state === "TASK_RUNNING") task.hasRun = true;
    if (isQueued) {
      task.queue.push({
        status: { ...statusOf(task, said, now), uuid: randomUuid(memory.platform.random) },
        sentAtMs: null,
      });
      if (isFinal(state)) task.isEnded = true;
    } else if (memory.isConnected) send(memory, task, statusOf(task, said, now));
  }
  pump(memory, task, now);
  memory.saveTask(task);
}

/** It ends so, and its framework is not told. */
export function conclude(task: Task, said: Said, now: number): void {
  task.state = said.state;
  task.isEnded = true;
  task.queue = [];
  task.statuses = [...task.statuses, statusOf(task, said, now)].slice(-MAX_STATUSES);
}

const statusOf = (task: Task, said: Said, now: number): TaskStatus => ({
  taskId: task.taskId,
  state: said.state,
  source: said.source,
  reason: said.reason,
  message: said.message,
  agentId: task.agentId,
  executorId: executorOf(task),
  atMs: task.level.atMs || now,
  uuid: null,
  ...(said.unreachableAtMs !== undefined && { unreachableAtMs: said.unreachableAtMs }),
  ip: task.level.ip,
});

function send(memory: FrameworkMemory, task: Task, status: TaskStatus): void {
  task.statuses = [...task.statuses, status].slice(-MAX_STATUSES);
  memory.emit({ type: "UPDATE", status });
}

/** What waits at an agent that nobody reaches waits until it is back. */
const isHeld = ({ level }: Task): boolean => level.state === "unreachable";

/** @returns whether an update was sent for the first time: the caller stores the task */
function pump(memory: FrameworkMemory, task: Task, now: number): boolean {
  const [head] = task.queue;
  if (!head || head.sentAtMs !== null || !memory.isConnected || isHeld(task)) return false;
  head.sentAtMs = now;
  send(memory, task, head.status);
  return true;
}

/** An unexpected or repeated acknowledgement changes nothing. */
export function acknowledge(
  memory: FrameworkMemory,
  { taskId, agentId, uuid }: { taskId: string; agentId: string; uuid: string },
  now: number,
): void {
  const task = memory.tasks.get(taskId);
  const head = task?.queue[0];
  if (!task || task.agentId !== agentId || !head || head.sentAtMs === null || head.status.uuid !== uuid) return;
  task.queue = task.queue.slice(1);
  if (task.queue.length === 0 && task.isEnded) {
    memory.complete(task);
    return;
  }
  pump(memory, task, now);
  memory.saveTask(task);
}

/** Since a task's first update was sent: after 10 s, 30 s, 70 s, …, later every 10 min. So a rebuild goes on in step. */
export function nextSendAt(sentAtMs: number, now: number): number {
  let at = Math.min(sentAtMs, now);
  for (let wait = FIRST_MS; at <= now; wait = Math.min(wait * 2, LONGEST_MS)) {
    if (wait === LONGEST_MS) at += Math.floor((now - at) / LONGEST_MS) * LONGEST_MS;
    at += wait;
  }
  return at;
}

interface Turn {
  uuid: string;
  sentAtMs: number;
  at: number;
}

/** When which update is sent again; not stored. */
export class Resends {
  readonly #memory: FrameworkMemory;
  readonly #turns = new Map<string, Turn>();

  constructor(memory: FrameworkMemory) {
    this.#memory = memory;
  }

  #waiting(): Iterable<[Task, Queued]> {
    const waiting: [Task, Queued][] = [];
    const { isConnected, queued, tasks } = this.#memory;
    if (!isConnected) return waiting;
    for (const taskId of queued) {
      const task = tasks.get(taskId);
      const head = task?.queue[0];
      if (task && head && !isHeld(task)) waiting.push([task, head]);
      else this.#turns.delete(taskId);
    }
    return waiting;
  }

  #turnOf({ taskId }: Task, { status, sentAtMs }: Queued, now: number): Turn {
    const known = this.#turns.get(taskId);
    if (known?.uuid === status.uuid) return known;
    const turn = { uuid: status.uuid, sentAtMs: sentAtMs ?? now, at: nextSendAt(sentAtMs ?? now, now) };
    this.#turns.set(taskId, turn);
    return turn;
  }

  /** All of them, to a stream that is new. */
  sendAll(now: number): void {
    for (const [{ taskId }, { status }] of this.#waiting())
      this.#turns.set(taskId, { uuid: status.uuid, sentAtMs: now, at: now });
    this.sendDue(now);
  }

  sendDue(now: number): void {
    let sent = 0;
    for (const [task, head] of this.#waiting()) {
      const turn = this.#turnOf(task, head, now);
      // A clock that was set back does not keep it waiting.
      if (turn.at > now && turn.at <= now + LONGEST_MS) continue;
      if (sent++ >= MOST_EVENTS) break;
      if (head.sentAtMs === null) {
        if (pump(this.#memory, task, now)) this.#memory.saveTask(task);
      } else this.#memory.emit({ type: "UPDATE", status: head.status });
      turn.at = nextSendAt(turn.sentAtMs, now);
    }
    for (const taskId of this.#turns.keys()) if (!this.#memory.queued.has(taskId)) this.#turns.delete(taskId);
  }

  *wantedAt(now: number): Generator<number> {
    for (const [task, head] of this.#waiting())
      yield Math.max(now + 1, Math.min(this.#turnOf(task, head, now).at, now + LONGEST_MS));
  }
}
