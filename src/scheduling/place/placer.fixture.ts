/** Nodes and jobs for tests of placement: everything is plain unless said otherwise. */
import { jobSpecSchema, templateOf } from "../../model/job.ts";
import type { Resources } from "../../model/resources.ts";
import { type Asked, askedOf } from "./asked.ts";
import type { Place, PlaceNode } from "./occupancy.ts";
import { Placer } from "./placer.ts";
import type { Where } from "./search.ts";

export const nodeOf = (name: string, capacity: Resources, rest: Partial<PlaceNode> = {}): PlaceNode => ({
  name,
  capacity,
  roles: null,
  drivers: ["process"],
  partitions: ["default"],
  ports: [],
  ...rest,
  attributes: { node: name, ...rest.attributes },
});

/** @param resources in milli-units */
export const jobOf = (id: string, resources: Resources, spec: object = {}): Asked =>
  askedOf(id, { ...templateOf(jobSpecSchema.parse({ command: "true", name: id, ...spec })), resources });

export const placerOf = (nodes: readonly PlaceNode[]): Placer => {
  const placer = new Placer();
  for (const node of nodes) {
    placer.setNode(node);
    placer.setState(node.name, "listening");
  }
  return placer;
};

export const ANYWHERE: Where = { partition: "default", pack: "pack", reach: "listening" };

/** Chooses and takes. */
export function put(placer: Placer, asked: Asked, where: Where = ANYWHERE): Place | null {
  const place = placer.choose(asked, where);
  if (place !== null) placer.add(asked, place);
  return place;
}
