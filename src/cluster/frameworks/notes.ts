/** What a Cluster notes of a framework in its row, beside what the Broker says of it. */
import type { FrameworkHere, HeldInverseOffer, Times } from "./state.ts";

export interface FrameworkNotes {
  /** ids of offers that hold no more, until its Framework object has heard that */
  rescinded: readonly string[];
  /** the same of inverse offers */
  rescindedInverse: readonly string[];
  inverseOffers: readonly HeldInverseOffer[];
  /** by the framework's name of a role; absent: none */
  times: Readonly<Record<string, Times>>;
}

export const notesOf = ({ rescinded, rescindedInverse, inverseOffers, roles }: FrameworkHere): FrameworkNotes => ({
  rescinded: [...rescinded],
  rescindedInverse: [...rescindedInverse],
  inverseOffers: [...inverseOffers.values()],
  times: Object.fromEntries(
    [...roles].flatMap(([name, { times }]) => (Object.values(times).some((n) => n > 0) ? [[name, times]] : [])),
  ),
});

export function recallNotes(here: FrameworkHere, notes: FrameworkNotes): void {
  for (const id of notes.rescinded) here.rescinded.add(id);
  for (const id of notes.rescindedInverse) here.rescindedInverse.add(id);
  for (const offer of notes.inverseOffers) here.inverseOffers.set(offer.node, offer);
  for (const [name, times] of Object.entries(notes.times)) {
    const role = here.roles.get(name);
    if (role) role.times = times;
  }
  here.noted = JSON.stringify(notesOf(here));
}
