/** The API without a client's help: nothing is tried again, and every status is an answer. */
import { jobViewSchema } from "../../src/model/views.ts";

export interface Answer {
  status: number;
  body: unknown;
}

/** @throws when the connection breaks or the answer is not JSON */
export async function postJob(url: string, token: string | null, spec: unknown, key?: string): Promise<Answer> {
  const response = await fetch(`${url}/v1/jobs`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(key !== undefined && { "idempotency-key": key }),
    },
    body: typeof spec === "string" ? spec : JSON.stringify(spec),
  });
  return { status: response.status, body: await response.json() };
}

export const jobIdIn = ({ body }: Answer): string => jobViewSchema.parse(body).id;
