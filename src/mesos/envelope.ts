/** What a request must be before anyone looks at its call: Mesos' own answers, in Mesos' own order. */
import { errorIn } from "../api/jsonPosition.ts";
import { callError } from "./calls/validateCall.ts";
import { Call } from "./messages/call.ts";
import { type Decoded, decode } from "./wire/decode.ts";

/** Leaves as plain text. */
export interface Refusal {
  status: 400 | 405 | 406 | 415 | 501;
  text: string;
  headers?: Record<string, string>;
}

const JSON_TYPE = "application/json";
const PROTOBUF_TYPE = "application/x-protobuf";
const ONLY_JSON = `Hansa speaks JSON only: set the client's codec to JSON (${JSON_TYPE})`;
/** How much is shown of what is not JSON. */
const NEAR_CHARS = 60;

export const methodError = (method: string): Refusal | null =>
  method === "POST"
    ? null
    : {
        status: 405,
        text: `405 Method Not Allowed. Expecting one of { 'POST' }, but received '${method}'.`,
        headers: { allow: "POST" },
      };

export function contentTypeError(contentType: string | undefined): Refusal | null {
  if (contentType === undefined) return { status: 400, text: "Expecting 'Content-Type' to be present" };
  const [type = ""] = contentType.split(";");
  if (type.trim().toLowerCase() === JSON_TYPE) return null;
  const text = `Expecting 'Content-Type' of ${JSON_TYPE} or ${PROTOBUF_TYPE}`;
  const isProtobuf = type.trim().toLowerCase() === PROTOBUF_TYPE;
  return { status: 415, text: isProtobuf ? `${text}. ${ONLY_JSON}` : text };
}

/** @param principal of the credentials; null: they have none */
export function readBody(body: string, principal: string | null): Call | Refusal {
  const read = readMessage<Call>(body, (json) => decode(Call, json));
  if (isRefusal(read)) return read;
  const error = callError(read, principal);
  return error === null ? read : { status: 400, text: `Failed to validate scheduler::Call: ${error}` };
}

/** @param decoded made of what was parsed. No call has a field `status`. */
export function readMessage<T extends object>(body: string, decoded: (json: unknown) => Decoded<T>): T | Refusal {
  const parsed = parse(body);
  if ("error" in parsed) return { status: 400, text: `Failed to parse body into JSON: ${parsed.error}` };
  const message = decoded(parsed.json);
  if (message.ok) return message.value;
  return { status: 400, text: `Failed to convert JSON into Call protobuf: ${message.error}` };
}

export const isRefusal = (read: object): read is Refusal => "status" in read;

function parse(body: string): { json: unknown } | { error: string } {
  try {
    return { json: JSON.parse(body) };
  } catch {
    const { line, offset } = errorIn(body) ?? { line: 1, offset: body.length };
    return { error: `syntax error at line ${line} near: ${body.slice(offset, offset + NEAR_CHARS)}` };
  }
}

/** What a valid call asks of its headers. */
export function headerError(
  type: Call["type"],
  headers: { accept: string | undefined; streamId: string | undefined },
): Refusal | null {
  const isAnswered = type === "SUBSCRIBE" || type === "RECONCILE_OPERATIONS";
  const unsuitable = isAnswered ? acceptError(headers.accept) : null;
  if (unsuitable) return unsuitable;
  if (type === "SUBSCRIBE" && headers.streamId !== undefined)
    return { status: 400, text: "Subscribe calls should not include the 'Mesos-Stream-Id' header" };
  return null;
}

/** Where an answer has a body. */
export function acceptError(accept: string | undefined): Refusal | null {
  if (accepts(accept, JSON_TYPE)) return null;
  const text = `Expecting 'Accept' to allow '${PROTOBUF_TYPE}' or '${JSON_TYPE}'`;
  return { status: 406, text: accepts(accept, PROTOBUF_TYPE) ? `${text}. ${ONLY_JSON}` : text };
}

function accepts(accept: string | undefined, type: string): boolean {
  if (accept === undefined) return true;
  return accept.split(",").some((item) => {
    const [range = "", ...parameters] = item
      .toLowerCase()
      .split(";")
      .map((part) => part.trim());
    const isRefused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    return !isRefused && [type, "application/*", "*/*"].includes(range);
  });
}
