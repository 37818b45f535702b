/** Single tasks for what is left at the end of a batch. */
import { type Ask, Fleet, type PackNode } from "./fleet.ts";
import type { Choice } from "./packer.ts";
import { devicesMilli, type Shape, shapeKey } from "./shape.ts";

/** Tasks without a choice go wherever they fit, the largest first, on the tightest device. @param choices is added to */
export function fillGaps(nodes: readonly PackNode[], shapes: readonly Shape[], choices: (Choice | null)[]): void {
  const fleet = new Fleet(nodes);
  choices.forEach((choice, index) => {
    if (choice) fleet.take(choice.node, fleet.ask(shapes[index] as Shape), choice.devices);
  });
  const largestFirst = [...shapes.keys()]
    .filter((index) => !choices[index])
    .sort((a, b) => devicesMilli(shapes[b] as Shape) - devicesMilli(shapes[a] as Shape));
  const hopeless = new Set<string>();
  for (const index of largestFirst) {
    const shape = shapes[index] as Shape;
    const key = shapeKey(shape);
    if (hopeless.has(key)) continue;
    const choice = tightest(fleet, fleet.ask(shape));
    if (choice === null) hopeless.add(key);
    else fleet.take(choice.node, fleet.ask(shape), choice.devices);
    choices[index] = choice;
  }
}

function tightest(fleet: Fleet, ask: Ask): Choice | null {
  let best: Choice | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (let node = 0; node < fleet.size; node += 1) {
    if (!fleet.fits(node, ask)) continue;
    const devices = fleet.devices[node] as number[];
    const roomy = [...devices.keys()].filter((device) => (devices[device] as number) >= ask.milli);
    const chosen = roomy.sort((a, b) => (devices[a] as number) - (devices[b] as number)).slice(0, ask.count);
    const left = chosen.reduce((sum, device) => sum + (devices[device] as number), 0);
    if (left >= least) continue;
    least = left;
    best = { node, devices: chosen };
  }
  return best;
}
