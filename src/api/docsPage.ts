/** `/docs`: renders /openapi.json in the reader's browser. One page, nothing from elsewhere: sites are offline. */
import { PROBLEMS } from "../model/problems.ts";
import { PROBLEM_MEANINGS } from "./problems.ts";

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const problemRows = Object.entries(PROBLEMS)
  .map(([code, status]) => {
    const meaning = PROBLEM_MEANINGS[code as keyof typeof PROBLEMS];
    return `<tr id="problem-${code}"><td><code>${code}</code></td><td>${status}</td><td>${escaped(meaning)}</td></tr>`;
  })
  .join("\n");

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb, currentColor 6%, transparent); --accent: #0a7a6b }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1.5rem }
h1 { margin: 0 } h2 { margin: 2.5rem 0 .5rem; border-bottom: 2px solid var(--accent) }
code, pre { font: 14px/1.45 ui-monospace, monospace } pre { background: var(--soft); padding: .75rem; overflow-x: auto; border-radius: 6px }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem }
details[open] { padding-bottom: .8rem } summary { cursor: pointer }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700; color: var(--accent) }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line) }
nav a { margin-right: 1rem } tr:target { background: color-mix(in srgb, var(--accent) 20%, transparent) }
`;

const SCRIPT = `
const make = (tag, props = {}, ...children) => { const node = Object.assign(document.createElement(tag), props); node.append(...children); return node };
const nameOf = (ref) => ref.split("/").pop();
const typeOf = (schema) => {
  if (!schema) return "";
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const options = schema.anyOf || schema.oneOf || schema.allOf;
  if (options) return options.map(typeOf).join(" | ");
  if (schema.type === "array") return "list of " + typeOf(schema.items);
  if (schema.type === "object" && schema.additionalProperties && !schema.properties) return "map of " + typeOf(schema.additionalProperties);
  return [schema.type].flat().join(" | ") + (schema.format ? " (" + schema.format + ")" : "");
};
const limitsOf = (schema) => ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "default"]
  .filter((name) => schema && schema[name] !== undefined).map((name) => name + " " + schema[name]).join(", ");
const fields = (rows) => make("table", {}, ...rows.map(([name, required, schema, description]) => make("tr", {},
  make("td", {}, make("code", { textContent: name }), required ? " *" : ""),
  make("td", {}, make("code", { textContent: typeOf(schema) })),
  make("td", { textContent: [description || (schema && schema.description) || "", limitsOf(schema)].filter(Boolean).join(" · ") }))));
const object = (schema) => {
  const properties = schema && schema.properties;
  return properties ? fields(Object.entries(properties).map(([name, inner]) => [name, (schema.required || []).includes(name), inner])) : make("p", {}, make("code", { textContent: typeOf(schema) }));
};
const content = (label, media) => Object.entries(media || {}).flatMap(([type, { schema, example }]) => [
  make("h4", { textContent: label + " · " + type }), object(schema),
  ...(example === undefined ? [] : [make("pre", { textContent: typeof example === "string" ? example : JSON.stringify(example, null, 2) })])]);
const operation = (path, method, op) => make("details", { id: method + path },
  make("summary", {}, make("span", { className: "method", textContent: method.toUpperCase() }), make("code", { textContent: path }), " " + (op.summary || "")),
  ...(op.description ? [make("p", { textContent: op.description })] : []),
  ...(op.parameters ? [make("h4", { textContent: "parameters" }), fields(op.parameters.map((p) => [p.name, p.required, p.schema, p.description]))] : []),
  ...content("body", op.requestBody && op.requestBody.content),
  ...Object.entries(op.responses).flatMap(([status, response]) => Number(status) < 400
    ? [make("h4", { textContent: status + " · " + response.description }), ...content("answer", response.content)] : []),
  make("p", {}, "Problems: ", ...Object.keys(op.responses).filter((s) => Number(s) >= 400).flatMap((s) => [make("code", { textContent: s }), " "])));
const show = (api) => {
  document.querySelector("#version").textContent = api.info.version;
  document.querySelector("#about").textContent = api.info.description;
  const main = document.querySelector("main");
  const all = Object.entries(api.paths).flatMap(([path, item]) => Object.entries(item).map(([method, op]) => ({ path, method, op })));
  for (const tag of api.tags) {
    document.querySelector("nav").append(make("a", { href: "#" + tag.name, textContent: tag.name }));
    main.append(make("h2", { id: tag.name, textContent: tag.name }), make("p", { textContent: tag.description }),
      ...all.filter(({ op }) => op.tags.includes(tag.name)).map(({ path, method, op }) => operation(path, method, op)));
  }
  main.append(make("h2", { id: "schemas", textContent: "schemas" }));
  for (const [name, schema] of Object.entries(api.components.schemas))
    main.append(make("details", { id: "schema-" + name }, make("summary", {}, make("code", { textContent: name })), object(schema)));
};
fetch("/openapi.json").then((r) => r.json()).then(show).catch((error) => { document.querySelector("#about").textContent = "openapi.json can't be read: " + error });
`;

export const docsPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hansa API</title>
<style>${STYLE}</style>
<h1>Hansa API <small id="version"></small></h1>
<p id="about"></p>
<p>Send <code>Authorization: Bearer TOKEN</code>. The description for programs is <a href="/openapi.json">openapi.json</a>.</p>
<nav></nav>
<main></main>
<h2 id="problems">Problems</h2>
<p>Errors are <code>application/problem+json</code>. <code>code</code> is stable, <code>detail</code> is for people, <code>errors</code> names wrong fields.</p>
<table><tr><th>code<th>status<th>what it means</tr>
${problemRows}
</table>
<script>${SCRIPT}</script>
</html>
`;
