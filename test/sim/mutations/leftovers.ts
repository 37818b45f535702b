/** What is kept of what is over: nothing but its history. */
import type { Mutation } from "./mutations.ts";

export const LEFTOVERS: readonly Mutation[] = [
  {
    rule: "a journal is compacted",
    so: "an agent keeps each line of its journal for ever",
    patches: [
      {
        file: "agent/host/journal/lines.ts",
        find: "return bytes >= aboveBytes && this.#length <= bytes / 2;",
        replace: "return bytes < 0 && this.#length <= aboveBytes;",
      },
    ],
  },
  {
    rule: "what is acknowledged is forgotten",
    so: "a journal never tells that an attempt is over and done with",
    patches: [
      {
        file: "agent/host/journal/lines.ts",
        find: 'case "forget":\n        this.#drop(record.key);',
        replace: 'case "forget":\n        this.#length += 0;',
      },
    ],
  },
  {
    rule: "who stops following is forgotten",
    so: "a Broker goes on telling events to readers who have gone",
    patches: [
      {
        file: "src/broker/watchers.ts",
        find: "this.#watches.delete(socket);",
        replace: "",
      },
    ],
  },
];
