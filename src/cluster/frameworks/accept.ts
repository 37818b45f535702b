/**
 * What a framework does with offers: the operations of an accept run in order on what was offered, each on what those
 * before it left (Mesos' master.cpp, `_accept`). What is left is refused.
 */
import type {
  LaunchTask,
  MesosTaskState,
  Operation,
  OperationStatus,
  Piece,
  StatusReason,
} from "../../model/framework.ts";
import {
  amountsOf,
  devicesIn,
  mergePieces,
  pickPieces,
  piecesText,
  portsIn,
  portsOf,
  takePieces,
} from "../../model/pieces.ts";
import type { AcceptAnswer, AcceptRequest, DeclineRequest, Rejection } from "../../protocol/frameworks.ts";
import type { ClusterMemory } from "../memory.ts";
import { jobState, type NodeState } from "../state.ts";
import type { Launched } from "./launched.ts";
import { type FrameworkHere, type HeldOffer, isAware } from "./state.ts";

/** So long a Framework object may ask again what was answered; so many of the newest are kept whatever the clock says. */
const KEPT_MS = 3_600_000;
const KEPT = 10_000;
/** Those that are kept are looked through once in so many answers. */
const TIDY_EACH = 1_000;

/** What the operations work on. */
interface Ground {
  memory: ClusterMemory;
  here: FrameworkHere;
  node: NodeState;
  role: string;
  leagueRole: string;
  partition: string;
  pool: Piece[];
  /** what is reserved or freed by this accept is not refused */
  converted: Piece[];
  answer: AcceptAnswer;
  now: number;
}

export function accept(memory: ClusterMemory, request: AcceptRequest, now: number): AcceptAnswer {
  const { frameworks, store } = memory;
  const known = store.accepted(request.framework, request.id);
  if (known) return known;
  const here = frameworks.byId.get(request.framework);
  const isHeld = request.offers.every((id) => frameworks.offers.get(id)?.framework === request.framework);
  // The rows that would tell may be lost. An offer that is held was not accepted.
  if (!isHeld && request.incarnation !== memory.self.incarnation) return unknown(request);
  if (!here) return allInvalid(request, "the framework is unknown", false);
  const answer = acceptFor(memory, here, request, now);
  store.keepAccepted(request.framework, request.id, answer, now);
  if (here.accepts++ % TIDY_EACH === 0) store.tidyAccepted(request.framework, now - KEPT_MS, KEPT);
  return answer;
}

/** No operation that has an id was ever done. */
const unknown = (request: AcceptRequest): AcceptAnswer => ({
  ...allInvalid(request, "what became of them is lost", false),
  rejected: [],
  isUnknown: true,
});

function acceptFor(memory: ClusterMemory, here: FrameworkHere, request: AcceptRequest, now: number): AcceptAnswer {
  const { frameworks } = memory;
  const offers: HeldOffer[] = [];
  let gone: string | null = null;
  for (const id of request.offers) {
    const offer = frameworks.offers.get(id);
    if (offer?.framework === here.id) offers.push(offer);
    else gone ??= id;
  }
  for (const offer of offers) frameworks.dropOffer(offer);
  const takes = request.operations.some(({ type }) => type !== "OTHER");
  for (const [role, ofRole] of Map.groupBy(offers, (offer) => offer.role))
    answered(memory, here, role, ofRole, takes, now);
  const [first] = offers;
  if (gone !== null || !first) return allInvalid(request, `Offer ${gone ?? ""} is no longer valid`, isAware(here));
  const node = memory.nodes.get(first.node);
  const wish = here.roles.get(first.role)?.wish;
  if (!node || !wish) return allInvalid(request, `Offer ${first.id} is no longer valid`, isAware(here));
  const ground: Ground = {
    memory,
    here,
    node,
    role: first.role,
    leagueRole: wish.role,
    partition: first.partition,
    pool: mergePieces(offers.flatMap(({ pieces }) => pieces)),
    converted: [],
    answer: { rejected: [], operations: [] },
    now,
  };
  for (const operation of request.operations) perform(ground, operation);
  const refused = takePieces(ground.pool, overlap(ground)) ?? ground.pool;
  frameworks.refuse(here, first.role, [{ node: node.name, amounts: amountsOf(refused) }], request.refuseMs, now);
  here.touch();
  return ground.answer;
}

/** What of the converted is left. */
const overlap = ({ pool, converted }: Ground): Piece[] =>
  mergePieces(converted).filter((piece) => takePieces(pool, [piece]) !== null);

export function decline(memory: ClusterMemory, { framework, offers, refuseMs }: DeclineRequest, now: number): void {
  const { frameworks } = memory;
  const here = frameworks.byId.get(framework);
  if (!here) return;
  const held = offers.flatMap((id) => frameworks.offers.get(id) ?? []).filter((offer) => offer.framework === framework);
  for (const offer of held) frameworks.dropOffer(offer);
  if (refuseMs === null) return;
  for (const [role, ofRole] of Map.groupBy(held, (offer) => offer.role)) {
    answered(memory, here, role, ofRole, false, now);
    const nodes = ofRole.map(({ node, pieces }) => ({ node, amounts: amountsOf(pieces) }));
    frameworks.refuse(here, role, nodes, refuseMs, now);
  }
}

function answered(
  { frameworks }: ClusterMemory,
  here: FrameworkHere,
  role: string,
  offers: readonly HeldOffer[],
  isTaken: boolean,
  now: number,
): void {
  const there = here.roles.get(role);
  if (isTaken) there?.took(now);
  else there?.refused(offers, now);
  frameworks.note(here);
}

function allInvalid({ operations }: AcceptRequest, error: string, isAware: boolean): AcceptAnswer {
  const answer: AcceptAnswer = { rejected: [], operations: [] };
  for (const operation of operations) {
    if (operation.type === "LAUNCH" || operation.type === "LAUNCH_GROUP") {
      for (const task of operation.tasks)
        answer.rejected.push({
          ...rejection(task, isAware ? "TASK_DROPPED" : "TASK_LOST", "REASON_INVALID_OFFERS"),
          message: `Task launched with invalid offers: ${error}`,
        });
    } else fail(answer, operation, null, `Operation attempted with invalid offers: ${error}`);
  }
  return answer;
}

const rejection = (task: LaunchTask, state: MesosTaskState, reason: StatusReason): Omit<Rejection, "message"> => ({
  taskId: task.taskId,
  agentId: task.agentId,
  executorId: task.executorId,
  state,
  reason,
});

function fail(answer: AcceptAnswer, { id }: Operation, agentId: string | null, message: string): void {
  if (id === null) return;
  const status: OperationStatus = { operationId: id, state: "OPERATION_ERROR", message, agentId, uuid: null };
  answer.operations.push(status);
}

function perform(ground: Ground, operation: Operation): void {
  const { answer, memory, node } = ground;
  const agentId = memory.frameworks.agentOf(node);
  switch (operation.type) {
    case "LAUNCH":
      for (const task of operation.tasks) launchOne(ground, task);
      return;
    case "LAUNCH_GROUP":
      launchGroup(ground, operation);
      return;
    case "RESERVE":
    case "UNRESERVE": {
      const error =
        operation.error ?? (operation.id === null ? null : NO_FEEDBACK(agentId)) ?? convert(ground, operation);
      if (error !== null) fail(answer, operation, agentId, error);
      return;
    }
    case "OTHER":
      fail(answer, operation, agentId, operation.error);
  }
}

/** As Mesos says it of an agent that can't tell how an operation on its own resources went. */
const NO_FEEDBACK = (agentId: string): string =>
  `Operation on agent default resources requested feedback, but agent ${agentId} does not have the required RESOURCE_PROVIDER capability`;

/** @returns what is wrong; null: it is done */
function convert(ground: Ground, operation: Extract<Operation, { type: "RESERVE" | "UNRESERVE" }>): string | null {
  const { memory, node, partition, role } = ground;
  const isReserve = operation.type === "RESERVE";
  for (const piece of operation.pieces) {
    if (piece.reservation === null) return `Resource ${piecesText([piece])} is not dynamically reserved`;
    const { role: of } = piece.reservation;
    if (isReserve && of !== role && !of.startsWith(`${role}/`))
      return `A reserve operation was attempted for a resource with role '${of}', but the resource was allocated to role '${role}'`;
    const other = memory.frameworks.reservations.otherRoleOf(node.name, piece, leagueOf(ground, of));
    if (isReserve && other !== null)
      return `Resource ${piecesText([piece])} is set aside for another role of this name`;
  }
  const plain = (pieces: readonly Piece[]) => pieces.map((piece): Piece => ({ ...piece, reservation: null }));
  const from = isReserve ? plain(operation.pieces) : operation.pieces;
  const taken = pickPieces(ground.pool, from);
  if (taken === null) return `${piecesText(from)} is not contained in ${piecesText(ground.pool)}`;
  const reserved = taken.picked.map(
    (piece, i): Piece => ({
      ...piece,
      reservation: operation.pieces[i]?.reservation ?? null,
    }),
  );
  const to = isReserve ? reserved : plain(reserved);
  ground.pool = mergePieces([...taken.left, ...to]);
  ground.converted.push(...to);
  for (const piece of mergePieces(reserved)) {
    const of = leagueOf(ground, piece.reservation?.role ?? role);
    memory.frameworks.reservations.change(node.name, partition, of, piece, isReserve ? 1 : -1);
  }
  return null;
}

/** The league's name of a framework's role, or of one under it. */
const leagueOf = ({ role, leagueRole }: Ground, of: string): string =>
  of.startsWith(`${role}/`) ? `${leagueRole}${of.slice(role.length)}` : leagueRole;

/** What keeps the task from being launched on that ground; null: nothing. */
function errorOf({ here, memory, node }: Ground, task: LaunchTask): string | null {
  if (task.error?.isId) return task.error.message;
  const known = here.tasks.get(task.taskId);
  if (known) return `Task has duplicate ID: ${task.taskId}`;
  const agentId = memory.frameworks.agentOf(node);
  if (task.agentId !== agentId) return `Task uses invalid agent ${task.agentId} while agent ${agentId} is expected`;
  if (task.error) return task.error.message;
  if (!node.inventory?.drivers.includes(task.template.driver))
    return `Agent ${agentId} does not run tasks with driver ${task.template.driver}: it has ${node.inventory?.drivers.join(", ") || "none"}`;
  return null;
}

const tooMuch = (asked: readonly Piece[], pool: readonly Piece[]): string =>
  `Total resources ${piecesText(mergePieces(asked))} required by task and its executor is more than available ${piecesText(pool)}`;

function launchOne(ground: Ground, task: LaunchTask): void {
  const error = errorOf(ground, task);
  const taken = error === null ? pickPieces(ground.pool, task.pieces) : null;
  const message = error ?? (taken === null ? tooMuch(task.pieces, ground.pool) : null);
  if (message !== null || taken === null) {
    ground.answer.rejected.push({ ...rejection(task, "TASK_ERROR", "REASON_TASK_INVALID"), message: message ?? "" });
    return;
  }
  ground.pool = taken.left;
  launch(ground, task, taken.picked, task.executorId, null);
}

/** All of them, or none. */
function launchGroup(ground: Ground, group: Extract<Operation, { type: "LAUNCH_GROUP" }>): void {
  const { tasks, pieces, executorId } = group;
  const ids = new Set<string>();
  const errors = tasks.map((task) => {
    const twice = ids.has(task.taskId) ? `Task has duplicate ID: ${task.taskId}` : null;
    ids.add(task.taskId);
    return twice ?? errorOf(ground, task);
  });
  // The executor is none of ours: what it asked for is the first task's.
  const parts = tasks.map((task, i) => (i === 0 ? mergePieces([...pieces, ...task.pieces]) : task.pieces));
  const asked = parts.flat();
  const taken = pickPieces(ground.pool, asked);
  const bad = errors.findIndex((error) => error !== null);
  const error =
    group.error ??
    (bad >= 0 ? `Task '${tasks[bad]?.taskId}' is invalid: ${errors[bad]}` : null) ??
    (taken === null ? tooMuch(asked, ground.pool) : null);
  if (error !== null || taken === null) {
    for (const task of tasks)
      ground.answer.rejected.push({
        ...rejection(task, "TASK_ERROR", "REASON_TASK_GROUP_INVALID"),
        message: error ?? "",
      });
    return;
  }
  ground.pool = taken.left;
  const picked = [...taken.picked];
  // An executor may be given another group later, which is another's fate.
  const name = tasks[0]?.taskId ?? "";
  for (const [i, task] of tasks.entries()) launch(ground, task, picked.splice(0, parts[i]?.length), executorId, name);
}

/** A job of one task, which may run on that node and nowhere else. */
function launch(
  ground: Ground,
  task: LaunchTask,
  pieces: readonly Piece[],
  executorId: string | null,
  group: string | null,
): void {
  const { memory, here, node, role, leagueRole, partition } = ground;
  const resources = amountsOf(pieces);
  const ports = portsOf(portsIn(pieces));
  const launched: Launched = {
    framework: here.id,
    taskId: task.taskId,
    agentId: task.agentId,
    executorId,
    group,
    role,
    node: node.name,
    partition,
    pieces,
    devices: devicesIn(pieces) ?? [],
    ports,
  };
  const job = jobState(
    {
      job: memory.newJobId(),
      gen: 1,
      action: "run",
      limits: { [partition]: 1 },
      supply: [{ from: 0, to: 1, handout: 1, attemptsUsed: 0 }],
      returned: [],
      template: { ...task.template, resources, role: leagueRole, ports },
      ended: false,
      claim: null,
      yields: null,
      launched,
    },
    [],
    [],
    ground.now,
  );
  memory.putJob(job);
  memory.saveGrant(job);
}
