/** How long an owner's oldest gang had room in what its owner brought, and yet waited: what lending must keep short. */
import { Draft } from "../../src/scheduling/lending/draft.ts";
import type { LendingView } from "../../src/scheduling/lending/view.ts";

export class OwedWatch {
  longestMs = 0;
  private readonly since = new Map<string, { id: number; atMs: number }>();

  /** @param view after what was decided for it has been done */
  look(view: LendingView): void {
    const draft = new Draft(view);
    for (const owner of view.quotas.keys()) {
      const head = draft.oldest(owner);
      const known = this.since.get(owner);
      if (known !== undefined) this.longestMs = Math.max(this.longestMs, view.nowMs - known.atMs);
      if (head === undefined || head.size > draft.room(owner)) this.since.delete(owner);
      else if (known?.id !== head.id) this.since.set(owner, { id: head.id, atMs: view.nowMs });
    }
  }
}
