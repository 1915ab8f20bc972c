// @vitest-environment node
/** Polaris is a script from a CDN: a misspelt tag or attribute fails silently there. So we ask Shopify's own list. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

interface Attribute {
  name: string;
  type?: { text: string };
}

interface Declaration {
  tagName?: string;
  attributes?: Attribute[];
  events?: { name: string }[];
  slots?: { name: string }[];
}

const APP = path.resolve(import.meta.dirname, "../app");
/** Attributes of every element, and React's own. */
const COMMON = new Set(["slot", "id", "key", "ref", "className", "style", "children"]);
/** App Bridge's element; Polaris' list doesn't know it. */
const ELSEWHERE = new Set(["s-app-nav"]);

function readManifest(): Map<string, Declaration> {
  const file = createRequire(import.meta.url).resolve("@shopify/polaris-types/custom-elements");
  const { modules } = JSON.parse(readFileSync(file, "utf8")) as { modules: { declarations: Declaration[] }[] };
  const found = modules.flatMap((one) => one.declarations).filter((one) => one.tagName);
  return new Map(found.map((one) => [one.tagName as string, one]));
}

interface UsedAttribute {
  name: string;
  /** A literal without its quotes, an expression with its braces. */
  value: string | undefined;
}

interface Use {
  tag: string;
  attributes: UsedAttribute[];
  where: string;
}

function valueOf({ initializer }: ts.JsxAttribute, source: ts.SourceFile): string | undefined {
  return initializer && ts.isStringLiteral(initializer) ? initializer.text : initializer?.getText(source);
}

function usesIn(file: string): Use[] {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const uses: Use[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isJsxOpeningElement(node) || ts.isJsxSelfClosingElement(node)) {
      const tag = node.tagName.getText(source);
      const attributes = node.attributes.properties.filter(ts.isJsxAttribute).map((attribute) => ({
        name: attribute.name.getText(source),
        value: valueOf(attribute, source),
      }));
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      if (tag.startsWith("s-")) uses.push({ tag, attributes, where: `${path.relative(APP, file)}:${line + 1}` });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return uses;
}

const files = readdirSync(APP, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".tsx"));
const uses = files.flatMap((name) => usesIn(path.join(APP, name)));
const manifest = readManifest();

/** The events that React hands to an element of somebody else's under its own names. */
const THROUGH_REACT = new Set(["onClick", "onInput", "onChange"]);

/** The event that an attribute listens for: `onClick={…}`, or `ref={listen("dismiss", …)}`. */
function eventOf({ name, value }: UsedAttribute): string | undefined {
  if (/^on[A-Z]/.test(name)) return name.slice(2).toLowerCase();
  return name === "ref" ? /^\{listen\("(.+?)",/.exec(value ?? "")?.[1] : undefined;
}

function eventFaults({ tag, where }: Use, known: Declaration, attribute: UsedAttribute): string[] {
  const event = eventOf(attribute);
  if (!event) return [];
  const isKnown = known.events?.some((one) => one.name === event) ?? false;
  // A click rises from every element, also from those that don't list it.
  if (!isKnown && event !== "click") return [`${where}: <${tag}> has no event ${event}`];
  const isHeard = attribute.name === "ref" || THROUGH_REACT.has(attribute.name);
  return isHeard ? [] : [`${where}: React listens for "${attribute.name.slice(2)}", <${tag}> says "${event}": use ref={listen(…)}`];
}

/** The values an attribute may have, where the list is closed. */
function allowedValues(attribute: Attribute): string[] | undefined {
  const literals = attribute.type?.text.split("|").map((part) => part.trim());
  return literals?.every((part) => /^"[^"]*"$/.test(part)) ? literals.map((part) => part.slice(1, -1)) : undefined;
}

function faultsOf({ tag, attributes, where }: Use): string[] {
  if (ELSEWHERE.has(tag)) return [];
  const known = manifest.get(tag);
  if (!known) return [`${where}: <${tag}> is not an element of Polaris`];
  return attributes.flatMap((used) => {
    const { name, value } = used;
    if (eventOf(used)) return eventFaults({ tag, attributes, where }, known, used);
    if (COMMON.has(name)) return [];
    const attribute = known.attributes?.find((one) => one.name === name.toLowerCase());
    if (!attribute) return [`${where}: <${tag}> has no attribute ${name}`];
    const allowed = allowedValues(attribute);
    return value === undefined || value.startsWith("{") || !allowed || allowed.includes(value) ? [] : [`${where}: <${tag} ${name}> can't be "${value}"`];
  });
}

describe("Polaris", () => {
  test("is used on every page", () => {
    expect(uses.length).toBeGreaterThan(40);
  });

  test("knows every element, attribute and value that we use", () => {
    expect(uses.flatMap(faultsOf)).toEqual([]);
  });

  test("would find a misspelling", () => {
    const misspelt = [
      { tag: "s-buton", attributes: [], where: "a" },
      { tag: "s-button", attributes: [{ name: "tne", value: "critical" }], where: "b" },
      { tag: "s-button", attributes: [{ name: "variant", value: "primry" }], where: "c" },
      { tag: "s-banner", attributes: [{ name: "onDismiss", value: "{close}" }], where: "d" },
      { tag: "s-banner", attributes: [{ name: "ref", value: '{listen("dismis", close)}' }], where: "e" },
      { tag: "s-modal", attributes: [{ name: "onHide", value: "{close}" }], where: "f" },
    ];

    expect(misspelt.flatMap(faultsOf)).toEqual([
      "a: <s-buton> is not an element of Polaris",
      "b: <s-button> has no attribute tne",
      'c: <s-button variant> can\'t be "primry"',
      'd: React listens for "Dismiss", <s-banner> says "dismiss": use ref={listen(…)}',
      "e: <s-banner> has no event dismis",
      'f: React listens for "Hide", <s-modal> says "hide": use ref={listen(…)}',
    ]);
  });
});
