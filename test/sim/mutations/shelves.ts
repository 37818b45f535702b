/** The rules of output on its way to a Shelf. */
import type { Mutation } from "./mutations.ts";

export const SHELVES: readonly Mutation[] = [
  {
    rule: "a put begins at the present end",
    so: "a Shelf appends what it has already, and what comes again",
    patches: [{ file: "src/shelf/shelf.ts", find: "if (offset !== size)", replace: "if (offset > size)" }],
  },
  {
    rule: "an upload rewinds",
    so: "an agent that is told where a stream goes on goes on where it was",
    patches: [
      {
        file: "agent/host/uploads.ts",
        find: '        upload.offset = outcome.offset;\n        return;\n      case "refused"',
        replace: '        return;\n      case "refused"',
      },
    ],
  },
  {
    rule: "the sum at the end is checked",
    so: "a Shelf takes whatever it has for what the process wrote",
    patches: [{ file: "src/shelf/shelf.ts", find: "&& end.crc32 === sum", replace: "" }],
  },
];
