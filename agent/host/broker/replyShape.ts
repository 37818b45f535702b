/**
 * Whether an answer is one of our broker's: a proxy's page, a portal's JSON or half a body is no reply at all. Only so
 * much is checked as a wrong answer could do harm with; what is inside a template is the broker's word.
 */
import { TASK_ID } from "../../../src/model/ids.ts";
import { MAX_PORT } from "../../../src/model/port.ts";
import type { JoinReply, PollReply } from "../../../src/protocol/agent.ts";

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isText = (value: unknown): value is string => typeof value === "string";
const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isFlag = (value: unknown): boolean => typeof value === "boolean";
const isOneOf = (value: unknown, words: readonly string[]): boolean => isText(value) && words.includes(value);

const NETWORKS = ["host", "bridge", "none"];
const PROTOCOLS = ["tcp", "udp"];
const ACTIONS = ["run", "pause", "drain", "rejoin", "gone"];

/** A task's id becomes part of a path and an epoch part of a file name. */
const namesTask = (value: Fields): boolean => isText(value.task) && TASK_ID.test(value.task) && isCount(value.epoch);

const isPort = (value: unknown): boolean => isCount(value) && value > 0 && value <= MAX_PORT;
const isListOf = (value: unknown, holds: (value: unknown) => boolean): boolean =>
  value === undefined || (Array.isArray(value) && value.every(holds));

const isAssignment = (value: unknown): boolean =>
  isObject(value) &&
  namesTask(value) &&
  (value.item === null || isText(value.item)) &&
  (value.used === undefined || isCount(value.used)) &&
  isListOf(value.devices, isCount) &&
  isListOf(value.ports, isPort);

const isStop = (value: unknown): boolean => isObject(value) && namesTask(value) && isCount(value.graceMs);

/** A list without words is for an image that has its own. */
const isCommand = (value: unknown, container: unknown): boolean =>
  isText(value) ||
  (areTexts(value) &&
    Array.isArray(value) &&
    (value.length > 0 || (isObject(container) && container.isEntrypoint === true)));
const isOrNull = (value: unknown, holds: (value: unknown) => boolean): boolean => value === null || holds(value);

const isUri = (value: unknown): boolean =>
  isObject(value) &&
  isText(value.value) &&
  isFlag(value.executable) &&
  isFlag(value.extract) &&
  isOrNull(value.outputFile, isText);

const isMapping = (value: unknown): boolean =>
  isObject(value) && isPort(value.hostPort) && isPort(value.containerPort) && isOneOf(value.protocol, PROTOCOLS);
const isVolume = (value: unknown): boolean =>
  isObject(value) && isText(value.hostPath) && isText(value.containerPath) && isFlag(value.isReadOnly);

const isContainer = (value: unknown): boolean =>
  isObject(value) &&
  isOrNull(value.network, (network) => isOneOf(network, NETWORKS)) &&
  isFlag(value.forcePull) &&
  isOrNull(value.hostname, isText) &&
  Array.isArray(value.portMappings) &&
  value.portMappings.every(isMapping) &&
  Array.isArray(value.volumes) &&
  value.volumes.every(isVolume) &&
  isFlag(value.isEntrypoint);

const isTemplate = (value: unknown): boolean =>
  isObject(value) &&
  isCommand(value.command, value.container) &&
  isObject(value.env) &&
  Object.values(value.env).every(isText) &&
  isOrNull(value.cwd, isText) &&
  isObject(value.resources) &&
  isText(value.role) &&
  isText(value.driver) &&
  isCount(value.retryMax) &&
  isCount(value.retryBackoffMs) &&
  isOrNull(value.timeoutMs, isCount) &&
  isCount(value.stopGraceMs) &&
  isOrNull(value.stopAfterMs, isCount) &&
  isListOf(value.uris, isUri) &&
  (value.container === undefined || isOrNull(value.container, isContainer));

export const isPollReply = (value: unknown): value is PollReply =>
  isObject(value) &&
  isCount(value.session) &&
  (value.nonce === undefined || isText(value.nonce)) &&
  isCount(value.seq) &&
  areTexts(value.renews) &&
  isObject(value.jobs) &&
  Object.values(value.jobs).every(isTemplate) &&
  Array.isArray(value.assignments) &&
  value.assignments.every(isAssignment) &&
  Array.isArray(value.stops) &&
  value.stops.every(isStop) &&
  areTexts(value.acked) &&
  areTexts(value.follows) &&
  isCount(value.nextPollMs) &&
  isOneOf(value.action, ACTIONS) &&
  typeof value.wantInventory === "boolean" &&
  (value.credential === undefined || isText(value.credential));

export const isJoinReply = (value: unknown): value is JoinReply =>
  isObject(value) && [value.league, value.cluster, value.node, value.credential].every(isText);

/** The part of a problem that a program reads. */
export interface ProblemFacts {
  code: string;
  detail: string;
  /** where an upload must go on */
  offset: number | null;
}

export function problemIn(value: unknown): ProblemFacts | null {
  if (!isObject(value) || !isText(value.code) || !isText(value.detail) || !isCount(value.status)) return null;
  const offset = isObject(value.data) ? value.data.offset : undefined;
  return { code: value.code, detail: value.detail, offset: isCount(offset) ? offset : null };
}

export const offsetIn = (value: unknown): number | null =>
  isObject(value) && isCount(value.offset) ? value.offset : null;
