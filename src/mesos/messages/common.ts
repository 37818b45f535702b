/** Messages that others are made of. */
import {
  double,
  enumOf,
  int64,
  message,
  type Of,
  optional,
  repeated,
  required,
  string,
  uint64,
} from "../wire/schema.ts";

/** TaskID, AgentID, FrameworkID …: each a message of its own with one text. */
export const Id = message({ value: required(string) });
export type Id = Of<typeof Id>;

export const Label = message({ key: required(string), value: optional(string) });
export const Labels = message({ labels: repeated(Label) });
export type WireLabels = Of<typeof Labels>;

/** Said, and of no further interest. */
export const Anything = message({});

export const Duration = message({ nanoseconds: required(int64) });
export type Duration = Of<typeof Duration>;
export const KillPolicy = message({ grace_period: optional(Duration) });
export type KillPolicy = Of<typeof KillPolicy>;
export const Filters = message({ refuse_seconds: optional(double) });
export type Filters = Of<typeof Filters>;

export const Scalar = message({ value: required(double) });
const Range = message({ begin: required(uint64), end: required(uint64) });
const ReservationInfo = message({
  type: optional(enumOf("UNKNOWN", "STATIC", "DYNAMIC")),
  role: optional(string),
  principal: optional(string),
  labels: optional(Labels),
});
export type ReservationInfo = Of<typeof ReservationInfo>;

export const Resource = message({
  provider_id: optional(Id),
  name: required(string),
  type: required(enumOf("SCALAR", "RANGES", "SET", "TEXT")),
  scalar: optional(Scalar),
  ranges: optional(message({ range: repeated(Range) })),
  set: optional(message({ item: repeated(string) })),
  role: optional(string),
  allocation_info: optional(message({ role: optional(string) })),
  reservation: optional(ReservationInfo),
  reservations: repeated(ReservationInfo),
  disk: optional(Anything),
  revocable: optional(Anything),
  shared: optional(Anything),
});
export type Resource = Of<typeof Resource>;
