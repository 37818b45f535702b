/** What workerd is told about the broker, in its own config language. */

export interface BrokerConfig {
  /** `HOST:PORT` */
  listen: string;
  /** absolute paths of PEM files; null: plain HTTP */
  tls: { certificate: string; key: string } | null;
  /** absolute path of the Worker's bundle */
  bundle: string;
  /** absolute path of the solver's WebAssembly, which the bundle imports */
  wasm: string;
  /** absolute path of the agent's bundle, which the Worker gives to new nodes */
  agent: string;
  /** absolute path of the folder for the objects' SQLite files */
  objects: string;
  /** environment variables that the Worker gets as bindings */
  variables: readonly string[];
  jsonLogs: boolean;
}

/** As in wrangler.toml, so that the bundle meets the same runtime everywhere. */
export const COMPATIBILITY = { date: "2026-10-01", flags: ["enable_request_signal"] };

/** The ids of objects, and so their files, derive from `key`: it must never change. */
const OBJECTS = [
  { className: "BrokerObject", binding: "BROKER", key: "hansa-broker" },
  { className: "ClusterObject", binding: "CLUSTER", key: "hansa-cluster" },
  { className: "FrameworkObject", binding: "FRAMEWORK", key: "hansa-framework" },
  { className: "ShelfObject", binding: "SHELF", key: "hansa-shelf" },
] as const;

const text = (value: string): string => `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
const list = (items: readonly string[]): string => `[${items.join(", ")}]`;

export function capnpConfig({ listen, tls, bundle, wasm, agent, objects, variables, jsonLogs }: BrokerConfig): string {
  const protocol = tls
    ? `https = (options = (), tlsOptions = (keypair = (privateKey = embed ${text(tls.key)}, certificateChain = embed ${text(tls.certificate)})))`
    : "http = ()";
  const namespaces = OBJECTS.map(
    ({ className, key }) => `(className = ${text(className)}, uniqueKey = ${text(key)}, enableSql = true)`,
  );
  const bindings = [
    ...OBJECTS.map(
      ({ className, binding }) => `(name = ${text(binding)}, durableObjectNamespace = ${text(className)})`,
    ),
    ...variables.map((name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`),
  ];
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "hansa", worker = .hansa),
    (name = "objects", disk = (path = ${text(objects)}, writable = true)),
  ],
  sockets = [(name = "http", address = ${text(listen)}, service = "hansa", ${protocol})],
  logging = (structuredLogging = ${jsonLogs}),
);

const hansa :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed ${text(bundle)}),
    (name = "highs.wasm", wasm = embed ${text(wasm)}),
    (name = "agent.bin", data = embed ${text(agent)}),
  ],
  compatibilityDate = ${text(COMPATIBILITY.date)},
  compatibilityFlags = ${list(COMPATIBILITY.flags.map(text))},
  durableObjectNamespaces = ${list(namespaces)},
  durableObjectStorage = (localDisk = "objects"),
  bindings = ${list(bindings)},
);
`;
}
