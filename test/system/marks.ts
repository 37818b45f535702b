/** Marks that tasks leave in files of their own: who ran, when, and how often. Times are of the machine's one uptime. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Mark {
  epoch: number;
  node: string;
  uptimeS: number;
  pid: number;
}

/** Marks of one job's tasks: a file a task. */
export class Marks {
  readonly #base: string;

  constructor(folder: string, name: string) {
    this.#base = join(folder, name);
  }

  /** One mark. */
  get leave(): string {
    return `read up rest </proc/uptime; echo "$HANSA_EPOCH $HANSA_NODE $up $$" >>${this.#base}.$HANSA_INDEX`;
  }

  /** A mark each 100 ms until `letEnd`; tasks of odd index do not listen to TERM. */
  get beat(): string {
    const deaf = `[ $((HANSA_INDEX % 2)) -eq 0 ] || trap '' TERM`;
    return `${deaf}; while [ ! -e ${this.#base}.over ]; do ${this.leave}; sleep 0.1; done`;
  }

  letEnd(): void {
    writeFileSync(`${this.#base}.over`, "");
  }

  /** Whole lines, oldest first. */
  of(index: number): Mark[] {
    const file = `${this.#base}.${index}`;
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => {
        const [epoch = "", node = "", uptime = "", pid = ""] = line.split(" ");
        return { epoch: Number(epoch), node, uptimeS: Number(uptime), pid: Number(pid) };
      });
  }

  /** Marks of each epoch, the oldest epoch first. */
  lives(index: number): Mark[][] {
    const byEpoch = Map.groupBy(this.of(index), ({ epoch }) => epoch);
    return [...byEpoch].sort(([a], [b]) => a - b).map(([, marks]) => marks);
  }
}
