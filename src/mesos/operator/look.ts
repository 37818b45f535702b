/** What one look at a league shows, as a credential may see it. */
import type { FrameworkTaskView, FrameworkView } from "../../framework/methods.ts";
import { isWithin } from "../../model/role.ts";
import type { FrameworkRowView, NodeView, RoleView } from "../../model/views.ts";
import type { Binding } from "../settings.ts";

export interface SeenFramework {
  row: FrameworkRowView;
  /** null: it is known to the Broker alone */
  view: FrameworkView | null;
}
export interface SeenTask extends FrameworkTaskView {
  framework: SeenFramework;
}

export interface Look {
  readonly viewer: Binding;
  nodes(): Promise<NodeView[]>;
  /** Offers that wait for an answer, in the whole league. */
  offersHeld(): Promise<number>;
  roles(): Promise<RoleView[]>;
  /** What the Broker was told of each. One with a role outside the credential's is not among them. */
  rows(): Promise<FrameworkRowView[]>;
  frameworks(): Promise<SeenFramework[]>;
  /** By framework, of each the newest first. */
  tasks(): Promise<SeenTask[]>;
}

/** Whether the credential is for the whole league. */
export const seesAll = ({ role }: Binding): boolean => role === null;

/** @param role the league's name of it */
export const sees = ({ role: within }: Binding, role: string): boolean => within === null || isWithin(role, within);
