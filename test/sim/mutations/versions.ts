/** The rules of how versions may differ. */
import type { Mutation } from "./mutations.ts";

export const VERSIONS: readonly Mutation[] = [
  {
    rule: "what is not known is passed over",
    so: "the Worker refuses a poll with a field that it does not know",
    patches: [
      {
        file: "src/protocol/agent.ts",
        find: "export const pollRequestSchema = z.object({",
        replace: "export const pollRequestSchema = z.strictObject({",
      },
    ],
  },
  {
    rule: "a template that says less is whole",
    so: "a Cluster takes what an older Broker does not say of a job for nothing at all",
    patches: [
      {
        file: "src/cluster/state.ts",
        find: "const template = readTemplate(row.template);",
        replace: "const template = row.template;",
      },
    ],
  },
];
