/** Answers as Mesos gives them: bare texts, also for what went wrong. */
import type { ErrorHandler } from "hono";
import type { ApiEnv } from "../api/env.ts";
import { problemOf } from "../api/problems.ts";
import type { Refusal } from "./envelope.ts";

type Text = Omit<Refusal, "status"> & { status: number };

export const plainText = ({ status, text, headers }: Text): Response =>
  new Response(text === "" ? null : text, {
    status,
    headers: { ...(text !== "" && { "content-type": "text/plain; charset=utf-8" }), ...headers },
  });

/** @param realm that credentials are asked for */
export const problemsAsText =
  (realm: string): ErrorHandler<ApiEnv> =>
  async (error, c) => {
    const { status, detail, code, extra } = await problemOf(error, c);
    return plainText({
      status,
      text: detail,
      headers: {
        ...(code === "unauthenticated" && { "www-authenticate": `Basic realm="${realm}"` }),
        ...(extra.retryAfterS !== undefined && { "retry-after": String(extra.retryAfterS) }),
      },
    });
  };
