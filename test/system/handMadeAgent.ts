/** An agent by hand: polls are written in the test, one at a time. */
import { z } from "zod";
import type { PollRequest, Update } from "../../src/protocol/agent.ts";

const joinReplySchema = z.object({
  league: z.string(),
  cluster: z.string(),
  node: z.string(),
  credential: z.string(),
});
const pollReplySchema = z.looseObject({
  session: z.number(),
  seq: z.number(),
  renews: z.array(z.string()),
  assignments: z.array(z.object({ task: z.string(), epoch: z.number(), item: z.string().nullable() })),
  acked: z.array(z.string()),
  wantInventory: z.boolean(),
});
export type Reply = z.infer<typeof pollReplySchema>;

const INVENTORY: PollRequest["inventory"] = {
  capacity: { cpus: 4000, mem: 4_096_000 },
  attributes: {},
  drivers: ["process"],
  version: "by hand",
};

export class HandMadeAgent {
  readonly #url: string;
  readonly #credential: string;
  readonly #nonce = crypto.randomUUID();
  #seq = 0;

  private constructor(url: string, credential: string) {
    this.#url = url;
    this.#credential = credential;
  }

  static async join(url: string, joinToken: string, name: string): Promise<HandMadeAgent> {
    const reply = await post(`${url}/agent/v1/join`, joinToken, { name, key: crypto.randomUUID() });
    return new HandMadeAgent(url, joinReplySchema.parse(reply).credential);
  }

  async poll(said: Partial<Pick<PollRequest, "running" | "updates" | "inventory">> = {}, waitS = 0): Promise<Reply> {
    this.#seq += 1;
    const request: PollRequest = {
      session: 1,
      nonce: this.#nonce,
      seq: this.#seq,
      boot: "by hand",
      running: [],
      updates: [],
      pressure: [],
      ...said,
    };
    return pollReplySchema.parse(await post(`${this.#url}/agent/v1/poll?wait=${waitS}`, this.#credential, request));
  }

  /** The first poll of a node. */
  introduce = (): Promise<Reply> => this.poll({ inventory: INVENTORY });
}

export const succeeded = ({ task, epoch }: { task: string; epoch: number }): Update => ({
  uuid: `${task}@${epoch}:end`,
  task,
  epoch,
  state: "succeeded",
  code: 0,
  reason: "exit",
  ranMs: 1,
  stdout: { size: 0, crc32: 0, dropped: 0 },
  stderr: { size: 0, crc32: 0, dropped: 0 },
});

async function post(url: string, bearer: string, body: unknown): Promise<unknown> {
  const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}
