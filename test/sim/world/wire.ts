/**
 * Where messages pass between parts that are updated at different times. For a while some parts are of the version before
 * this one, or of a later one: what they say is rewritten to what that version writes, and of what they are told they
 * read only what it knows.
 */
import { extended, type Json } from "../../golden/shape.ts";
import type { Mood } from "../faults/faults.ts";
import type { Happenings } from "../faults/happenings.ts";
import { asPrevious } from "./older.ts";
import type { Chance } from "./random.ts";
import type { Timeline } from "./timeline.ts";

type Version = "previous" | "this" | "next";
interface Release {
  version: Version;
  /** it is updated to this version then */
  untilMs: number;
}

/** What crosses between parts that are updated at different times; all else is between people and one object. */
const KINDS = new Set([
  ...["agent.poll", "agent.reply", "agent.woken", "agent.upload.answer", "agent.join", "agent.join.answer"],
  ...["cluster.poll", "cluster.poll.answer", "socket.poll", "socket.poll.answer", "socket.wake", "credential"],
  ...["cluster.grant", "cluster.grant.answer", "broker.report", "broker.report.answer"],
  ...["broker.framework", "broker.framework.answer", "framework.poke", "framework.poke.answer"],
  ...["framework.tell", "framework.tell.answer", "framework.call", "framework.call.answer"],
  ...["cluster.accept", "cluster.accept.answer", "cluster.decline", "cluster.decline.answer"],
  ...["cluster.answerInverse", "cluster.answerInverse.answer", "cluster.killTask", "cluster.killTask.answer"],
  ...["cluster.agentStates", "cluster.agentStates.answer"],
  ...["socket.subscribe", "socket.subscribe.answer", "socket.watch", "socket.watch.answer"],
]);
export const WORKER = "the worker";
const MIXED_WORLDS = 0.5;
const OTHERS: readonly Version[] = ["this", "this", "previous", "next"];
/** Some are never updated. */
const STAYS = 0.3;

/** @param message as this version writes it */
export type Recorder = (kind: string, message: Json) => void;

export class Wire {
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #happenings: Happenings;
  readonly #mood: Mood;
  readonly #record: Recorder | null;
  readonly #isMixed: boolean;
  readonly #releases = new Map<string, Release>();

  constructor(
    world: { timeline: Timeline; happenings: Happenings; mood: Mood },
    chance: Chance,
    record: Recorder | null,
  ) {
    this.#timeline = world.timeline;
    this.#happenings = world.happenings;
    this.#mood = world.mood;
    this.#chance = chance;
    this.#record = record;
    this.#isMixed = chance.of(MIXED_WORLDS) && !world.mood.calm && record === null;
  }

  /** @returns what `to` reads of what `from` says */
  pass<M>(kind: string, from: string, to: string, message: M): M {
    if (!KINDS.has(kind)) return message;
    this.#record?.(kind, message as Json);
    if (!this.#isMixed || message === undefined) return message;
    const said = this.#versionOf(from);
    const read = this.#versionOf(to);
    if (said === "this" && read !== "previous") return message;
    let text = message as Json;
    if (said === "previous") text = asPrevious(kind, text);
    if (said === "next") text = extended(text);
    if (read === "previous") text = asPrevious(kind, text);
    return text as M;
  }

  #versionOf(part: string): Version {
    const release = this.#releases.get(part) ?? this.#draw(part);
    return release.untilMs > this.#timeline.nowMs ? release.version : "this";
  }

  #draw(part: string): Release {
    const chance = this.#chance.named(part);
    const version = chance.pick(OTHERS);
    const untilMs = chance.of(STAYS) ? Number.POSITIVE_INFINITY : chance.int(10_000, this.#mood.faultsEndMs);
    const isOther = version !== "this" && this.#happenings.strikes(`version-${version}`, part);
    const release: Release = { version: isOther ? version : "this", untilMs };
    this.#releases.set(part, release);
    return release;
  }
}
