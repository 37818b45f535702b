/** The entry of the Worker's bundle: the HTTP API and Mesos' beside it, and the objects behind it as the platform runs them. */
import { makeApp } from "./api/app.ts";
import { Broker } from "./broker/broker.ts";
import { Cluster } from "./cluster/cluster.ts";

import { Framework } from "./framework/framework.ts";

import { operator } from "./mesos/operator/operator.ts";

import { scheduler } from "./mesos/scheduler.ts";
import { type ObjectEnv, TurnsObject } from "./platform/durableObject.ts";
import { Shelf } from "./shelf/shelf.ts";

export class BrokerObject extends TurnsObject {
  constructor(ctx: DurableObjectState, env: ObjectEnv) {
    super(ctx, env, "broker", Broker);
  }
}

export class ClusterObject extends TurnsObject {
  constructor(ctx: DurableObjectState, env: ObjectEnv) {
    super(ctx, env, "cluster", Cluster);
  }
}

export class FrameworkObject extends TurnsObject {
  constructor(ctx: DurableObjectState, env: ObjectEnv) {
    super(ctx, env, "framework", Framework);
  }
}

export class ShelfObject extends TurnsObject {
  constructor(ctx: DurableObjectState, env: ObjectEnv) {
    super(ctx, env, "shelf", Shelf);
  }
}

export default makeApp([scheduler, operator]);
