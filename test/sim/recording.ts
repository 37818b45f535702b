/** What all parts said in some leagues, and of each kind the few messages that have all fields there are. */
import { mintCredential, namedKey, verifyCredential } from "../../src/model/credential.ts";
import { macKey } from "../../src/model/digest.ts";
import { previousShapes } from "../golden/golden.ts";
import { isFields, type Json, look, missedIn, newShape, type Shape, tracesOf } from "../golden/shape.ts";
import { Violation } from "./invariants/checks.ts";
import { lendTime } from "./world/threadTime.ts";
import { World } from "./world/world.ts";

const MOST_OF_A_KIND = 2_000;
/** Of lists of words. */
const WORDS = 2;

interface Kind {
  shape: Shape;
  /** by their traces */
  unlike: Map<string, Json>;
}

export class Recording {
  messages = 0;
  readonly #kinds = new Map<string, Kind>();

  readonly add = (kind: string, message: Json): void => {
    this.messages++;
    const known = this.#kinds.get(kind) ?? { shape: newShape(), unlike: new Map<string, Json>() };
    this.#kinds.set(kind, known);
    look(known.shape, message);
    if (known.unlike.size >= MOST_OF_A_KIND) return;
    const traces = [...new Set(tracesOf(message))].sort().join("\n");
    if (!known.unlike.has(traces)) known.unlike.set(traces, structuredClone(message));
  };

  get shapes(): number {
    return [...this.#kinds.values()].reduce((sum, { unlike }) => sum + unlike.size, 0);
  }
  get all(): ReadonlyMap<string, Shape> {
    return new Map([...this.#kinds].map(([kind, { shape }]) => [kind, shape]));
  }

  /** By kind; together they have each field, and are without each that need not be. */
  few(): [kind: string, messages: Json[]][] {
    return [...this.#kinds]
      .map(([kind, { shape, unlike }]): [string, Json[]] => [kind, covering([...unlike.values()], shape)])
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

/** The one that shows most that is new, again and again; of lists only what is unlike. */
function covering(messages: readonly Json[], shape: Shape): Json[] {
  const left = messages
    .map((message) => trimmed(message))
    .map((message) => ({ message, traces: new Set(tracesOf(message, shape)), length: JSON.stringify(message).length }));
  const missing = new Set(left.flatMap(({ traces }) => [...traces]));
  const chosen: Json[] = [];
  while (missing.size > 0) {
    let best = left[0];
    let most = 0;
    for (const one of left) {
      const fresh = one.traces.intersection(missing).size;
      if (fresh > most || (fresh === most && one.length < (best?.length ?? 0))) [best, most] = [one, fresh];
    }
    if (!best) break;
    chosen.push(best.message);
    for (const trace of best.traces) missing.delete(trace);
  }
  return chosen;
}

function trimmed(value: Json): Json {
  if (isFields(value)) return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, trimmed(field)]));
  if (!Array.isArray(value)) return value;
  if (value.every((item) => typeof item === "string")) return value.slice(0, WORDS);
  // A pair is one as a whole.
  if (!value.every((item) => typeof item === "object")) return value;
  const known = new Set<string>();
  const kept: Json[] = [];
  for (const item of value) {
    const traces = [...tracesOf(item)].filter((trace) => !known.has(trace));
    if (traces.length > 0) kept.push(trimmed(item));
    for (const trace of traces) known.add(trace);
  }
  return kept;
}

/** @returns what it broke, and was ended by; null: nothing */
export async function recordSeed(seed: number, recording: Recording): Promise<Violation | null> {
  const world = new World({ seed, record: recording.add });
  const giveBack = lendTime(world);
  try {
    await world.run();
    return null;
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return error;
  } finally {
    giveBack();
    world.close();
  }
}

/** @returns a sentence for each thing that the version before this one would not find, or not understand */
export async function missedBy(seed: number): Promise<string[]> {
  const recording = new Recording();
  const broken = await recordSeed(seed, recording);
  const shapes = previousShapes();
  const missed = [...recording.all].flatMap(([kind, shape]) => {
    const before = shapes.get(kind);
    return before ? [...missedIn(before, shape, kind)] : [];
  });
  return broken ? [...missed, `seed ${seed} ends early: ${broken.message}`] : missed;
}

const IDENTITY = { league: "lab", cluster: "north", node: "n1", serial: 3 };
const NOW_MS = 1_800_000_000_000;

/** A world has no credentials and begins with its nodes joined. */
export async function recordJoin(recording: Recording): Promise<void> {
  const key = await namedKey(await macKey("the secret of a record"));
  const credential = await mintCredential(key, IDENTITY, NOW_MS);
  const { league, cluster, node } = IDENTITY;
  recording.add("agent.join", { name: node, key: "0f8fad5b-d9cb-469f-a165-70867728950e" });
  recording.add("agent.join.answer", { league, cluster, node, credential });
  recording.add("credential", { text: credential, claims: { ...(await verifyCredential([key], credential)) } });
}
