/** What a league is made of, drawn from its seed: clusters, and in each of them pools of machines of one shape. */
import type { Resources } from "../../../src/model/resources.ts";
import type { Chance } from "../world/random.ts";
import { drawAttributes } from "./league.ts";

/** `small` gets into as much trouble as any, sooner · `wide` has one cluster that a mass cut fits in */
export type FleetSize = "small" | "many" | "wide" | "large";

export interface MachineDraw {
  capacity: Resources;
  attributes: Record<string, string>;
}
export interface ClusterDraw {
  name: string;
  labels: Record<string, string>;
  machines: MachineDraw[];
}

const WIDE = 0.08;
const LARGE = 0.03;
const MANY = 0.12;
/** Some are the beginning of others. */
const NAMES = ["north", "south", "west", "north-2", "eu-1", "eu-10", "eu", "n0"];
const REGIONS = ["eu", "us"];
const SMALL_NODES = [2, 2, 3, 3, 4, 6];
const MANY_NODES = [1, 1, 2, 3];
const WIDE_NODES = [10, 12, 15];
const LARGE_NODES = [40, 60, 100, 200];

export function drawSize(chance: Chance): FleetSize {
  const draw = chance.next();
  if (draw < WIDE) return "wide";
  if (draw < WIDE + LARGE) return "large";
  return draw < WIDE + LARGE + MANY ? "many" : "small";
}

export function drawFleet(chance: Chance, size: FleetSize): ClusterDraw[] {
  return drawNodes(chance, size).map((nodes, i) => {
    const name = NAMES[i] as string;
    const own = chance.named(name);
    const region = own.pick(REGIONS);
    return {
      name,
      labels: own.of(0.5) ? { region, zone: `${region}-${own.int(1, 3)}` } : {},
      machines: drawPools(own, nodes, region),
    };
  });
}

/** By cluster. */
function drawNodes(chance: Chance, size: FleetSize): number[] {
  const small = () => chance.pick(SMALL_NODES);
  switch (size) {
    case "small":
      return Array.from({ length: chance.of(0.3) ? 3 : 2 }, small);
    case "wide":
      return [chance.pick(WIDE_NODES), small()];
    case "many":
      return Array.from({ length: chance.int(4, NAMES.length) }, () => chance.pick(MANY_NODES));
    case "large": {
      const clusters = chance.int(2, NAMES.length);
      const nodes = chance.pick(LARGE_NODES);
      const parts = Array.from({ length: clusters }, () => 0.2 + chance.next());
      const whole = parts.reduce((sum, part) => sum + part, 0);
      return parts.map((part) => Math.max(1, Math.floor((nodes * part) / whole)));
    }
  }
}

/** Machines are bought some at a time. */
function drawPools(chance: Chance, nodes: number, region: string): MachineDraw[] {
  const machines: MachineDraw[] = [];
  while (machines.length < nodes) {
    const shape = drawShape(chance);
    const many = Math.min(nodes - machines.length, chance.int(1, Math.max(2, Math.ceil(nodes / 3))));
    for (let i = 0; i < many; i++)
      machines.push({ capacity: shape, attributes: { ...drawAttributes(chance), region, cores: coresOf(shape) } });
  }
  return machines;
}

/** Whatever is drawn for all jobs alike fits on each of them. */
export const drawShape = (chance: Chance): Resources => ({
  cpus: chance.pick([2000, 2000, 4000, 4000, 8000]),
  mem: chance.pick([4_000_000, 16_000_000]),
  ports: 10_000,
  ...(chance.of(0.4) && { gpus: chance.pick([1000, 2000, 4000]) }),
  ...(chance.of(0.3) && { licences: chance.pick([1000, 2000, 3000]) }),
});

export const coresOf = ({ cpus = 0 }: Resources): string => String(cpus / 1000);
