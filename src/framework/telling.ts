/** What a Cluster tells: offers, and how tasks stand. */
import type { Offer } from "../model/framework.ts";
import { isEnd, type TaskLevel, type Tell, type TellAnswer } from "../protocol/frameworks.ts";
import { stand } from "./lines.ts";
import { clusterOf, type FrameworkMemory } from "./memory.ts";
import { goMissing } from "./missing.ts";
import { isTold, type Task, taskOf } from "./state.ts";

/** One that is not newer than what was heard changes nothing. */
export function applyTell(memory: FrameworkMemory, tell: Tell, now: number): TellAnswer {
  const { self } = memory;
  if (!self || self.state === "removed") return { isKnown: false, isActive: false };
  const answer: TellAnswer = { isKnown: true, isActive: memory.isConnected };
  const heard = memory.heard.get(tell.cluster);
  const { incarnation, rev } = tell;
  if (heard && (incarnation < heard.incarnation || (incarnation === heard.incarnation && rev <= heard.rev)))
    return answer;
  const writes = memory.writes;
  memory.hear(tell.cluster, { incarnation, rev });
  const isAnew = incarnation !== heard?.incarnation;
  for (const id of tell.rescinded) rescind(memory, id);
  for (const id of tell.rescindedInverse) rescindInverse(memory, id);
  if (tell.isWhole) dropOthers(memory, tell, isAnew, now);
  takeOffers(memory, tell.offers);
  takeInverse(memory, tell);
  for (const level of tell.tasks) applyLevel(memory, tell, level, now);
  for (const agentId of tell.lostAgents) memory.emit({ type: "FAILURE", agentId, executorId: null, status: null });
  if (isAnew || memory.writes > writes) memory.saveHeard(tell.cluster);
  return answer;
}

export function rescind(memory: FrameworkMemory, id: string): void {
  const offer = memory.offers.get(id);
  if (!offer && !mayBeUnsaid(memory, id)) return;
  if (offer) memory.count("rescinded", [offer]);
  memory.dropOffer(id);
  memory.noteAnswered(id);
  memory.emit({ type: "RESCIND", offerId: id });
}

/**
 * What an object that died had rescinded it may not have said: its Cluster tells it again, as it had no answer. Whoever
 * knows of it already loses nothing by hearing it twice.
 */
const mayBeUnsaid = (memory: FrameworkMemory, id: string): boolean => memory.isStreamOfBefore && !memory.isAnswered(id);

function rescindInverse(memory: FrameworkMemory, id: string): void {
  if (!memory.inverseOffers.has(id) && !mayBeUnsaid(memory, id)) return;
  memory.dropInverse(id);
  memory.noteAnswered(id);
  memory.emit({ type: "RESCIND_INVERSE_OFFER", inverseOfferId: id });
}

/** What a Cluster does not know any more. */
function dropOthers(memory: FrameworkMemory, tell: Tell, isAnew: boolean, now: number): void {
  const offers = new Set(tell.offers.map(({ id }) => id));
  for (const { id, agent } of [...memory.offers.values()])
    if (clusterOf(agent.id) === tell.cluster && !offers.has(id)) rescind(memory, id);
  const inverse = new Set(tell.inverseOffers.map(({ id }) => id));
  for (const { id, agentId } of [...memory.inverseOffers.values()])
    if (isAnew && clusterOf(agentId) === tell.cluster && !inverse.has(id)) rescindInverse(memory, id);
  const tasks = new Set(tell.tasks.map(({ taskId }) => taskId));
  for (const task of [...memory.tasks.values()]) {
    if (task.cluster !== tell.cluster || task.isEnded || tasks.has(task.taskId) || memory.isPending(task)) continue;
    // One that was launched just now may not be in it yet.
    if (task.isAssumed || (!isTold(task) && task.incarnation >= tell.incarnation)) continue;
    goMissing(memory, task, now);
  }
}

function takeOffers(memory: FrameworkMemory, offers: readonly Offer[]): void {
  if (!memory.isConnected) return;
  const { info, suppressed } = memory.known;
  const wanted = new Set(info.roles.map(({ name }) => name).filter((name) => !suppressed.includes(name)));
  const fresh = offers.filter(({ id }) => !memory.offers.has(id) && !memory.isAnswered(id));
  const [sent, unwanted]: [Offer[], Offer[]] = [[], []];
  for (const offer of fresh) (wanted.has(offer.role) ? sent : unwanted).push(offer);
  memory.giveBack(unwanted);
  if (sent.length === 0) return;
  for (const offer of sent) memory.addOffer(offer);
  memory.count("sent", sent);
  memory.emit({ type: "OFFERS", offers: sent });
}

/** They are made once only, so that they wait for a stream. Of an agent the newest holds. */
function takeInverse(memory: FrameworkMemory, { inverseOffers }: Tell): void {
  const fresh = inverseOffers.filter(({ id }) => !memory.inverseOffers.has(id) && !memory.isAnswered(id));
  if (fresh.length === 0) return;
  const agents = new Set(fresh.map(({ agentId }) => agentId));
  for (const { id, agentId } of [...memory.inverseOffers.values()]) if (agents.has(agentId)) rescindInverse(memory, id);
  for (const inverse of fresh) memory.addInverse(inverse);
  memory.emit({ type: "INVERSE_OFFERS", inverseOffers: fresh });
}

function applyLevel(memory: FrameworkMemory, { cluster, incarnation }: Tell, level: TaskLevel, now: number): void {
  if (memory.isCompleted(level.task)) return;
  const known = memory.tasks.get(level.taskId);
  if (known && !isNews(known, level, incarnation)) return;
  const task = known ?? memory.addTask(taskOf(cluster, null, level, null));
  task.incarnation = incarnation;
  task.agentId = level.agentId;
  task.executorId = level.executorId;
  task.isAssumed = false;
  stand(memory, task, level, now);
}

function isNews(task: Task, level: TaskLevel, incarnation: number): boolean {
  if (task.isEnded) return false;
  if (!isTold(task)) return true;
  // An id that was given again; the other's end is known.
  if (task.level.task !== level.task) return false;
  if (task.incarnation === incarnation && level.seq <= task.level.seq) return false;
  return task.isAssumed || isEnd(level) || !isSame(task.level, level);
}

const isSame = (a: TaskLevel, b: TaskLevel): boolean =>
  JSON.stringify({ ...a, seq: 0, atMs: 0 }) === JSON.stringify({ ...b, seq: 0, atMs: 0 });
