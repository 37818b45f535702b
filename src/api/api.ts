/** Makes the routers that resources hang their routes on: typed by their schemas, wrong requests refused alike. */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { routePath } from "hono/route";
import { fieldErrors } from "../model/fields.ts";
import { Problem } from "../model/problems.ts";
import type { ApiEnv } from "./env.ts";

export type Api = OpenAPIHono<ApiEnv>;

/** What a validator found; the framework types it as anything. */
type Found = { target: string; success: boolean; error?: z.ZodError };

export function newApi(): Api {
  const api: Api = new OpenAPIHono<ApiEnv>({
    defaultHook: (found: Found, c: Context<ApiEnv>) => {
      if (!found.success && found.error) throw invalid(found.target, found.error, schemaOf(api, found.target, c));
    },
  });
  return api;
}

const PLACES: Record<string, string> = {
  json: "the body",
  query: "the query",
  param: "the path",
  header: "the headers",
};

function invalid(target: string, error: z.ZodError, schema: z.ZodType | null): Problem {
  const errors = fieldErrors(error.issues, schema);
  const count = errors.length === 1 ? "one field" : `${errors.length} fields`;
  const verb = errors.length === 1 ? "is" : "are";
  return new Problem("invalid-request", `${count} of ${PLACES[target] ?? "the request"} ${verb} wrong`, { errors });
}

/** The schema that refused, found by its route: the hook is not told. */
function schemaOf(api: Api, target: string, c: Context<ApiEnv>): z.ZodType | null {
  const path = routePath(c).replaceAll(/:(\w+)/g, "{$1}");
  for (const definition of api.openAPIRegistry.definitions) {
    if (definition.type !== "route" || definition.route.path !== path) continue;
    if (definition.route.method.toUpperCase() !== c.req.method) continue;
    const { body, query } = definition.route.request ?? {};
    const content = body?.content["application/json"];
    const schema = target === "json" ? content && "schema" in content && content.schema : target === "query" && query;
    return schema instanceof z.ZodType ? schema : null;
  }
  return null;
}
