/** What a framework says of itself. */
import { CAPABILITIES } from "../../model/framework.ts";
import { bool, double, enumOf, mapOf, message, type Of, optional, repeated, required, string } from "../wire/schema.ts";
import { Anything, Id, Labels, Scalar } from "./common.ts";

const OfferFilters = message({
  min_allocatable_resources: optional(
    message({ quantities: repeated(message({ quantities: optional(mapOf(Scalar)) })) }),
  ),
});
export type OfferFilters = Of<typeof OfferFilters>;

export const FrameworkInfo = message({
  user: required(string),
  name: required(string),
  id: optional(Id),
  failover_timeout: optional(double),
  checkpoint: optional(bool),
  role: optional(string),
  roles: repeated(string),
  hostname: optional(string),
  principal: optional(string),
  webui_url: optional(string),
  capabilities: repeated(message({ type: optional(enumOf(...CAPABILITIES)) })),
  labels: optional(Labels),
  offer_filters: optional(mapOf(OfferFilters)),
});
export type WireFrameworkInfo = Of<typeof FrameworkInfo>;

const Text = message({ value: required(string) });
const Pattern = message({ regex: required(string) });
const AttributeConstraint = message({
  selector: required(
    message({
      pseudoattribute_type: optional(enumOf("UNKNOWN", "HOSTNAME", "REGION", "ZONE")),
      attribute_name: optional(string),
    }),
  ),
  predicate: required(
    message({
      exists: optional(Anything),
      not_exists: optional(Anything),
      text_equals: optional(Text),
      text_not_equals: optional(Text),
      text_matches: optional(Pattern),
      text_not_matches: optional(Pattern),
    }),
  ),
});
export type WireAttributeConstraint = Of<typeof AttributeConstraint>;

const Group = message({ attribute_constraints: repeated(AttributeConstraint) });
export const OfferConstraints = message({ role_constraints: optional(mapOf(message({ groups: repeated(Group) }))) });
export type WireOfferConstraints = Of<typeof OfferConstraints>;
