/** Waiting gangs by owner and size, each line in order of age. */
import type { Gang, Line } from "../../src/scheduling/lending/view.ts";

export class Lines {
  readonly all: (Line & { waiting: Gang[] })[] = [];
  private readonly byKey = new Map<string, Line & { waiting: Gang[] }>();

  add(gang: Gang): void {
    const { waiting } = this.of(gang);
    // Most are the newest; one that was stopped goes to where its first age belongs.
    let at = waiting.length;
    while (at > 0 && (waiting[at - 1] as Gang).id > gang.id) at--;
    waiting.splice(at, 0, gang);
  }

  /** @returns whether it was waiting */
  remove(gang: Gang): boolean {
    const { waiting } = this.of(gang);
    const at = waiting.indexOf(gang);
    if (at >= 0) waiting.splice(at, 1);
    return at >= 0;
  }

  private of({ owner, size }: Gang): Line & { waiting: Gang[] } {
    const key = `${owner} ${size}`;
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const line = { owner, size, waiting: [] };
    this.byKey.set(key, line);
    this.all.push(line);
    return line;
  }
}
