/** What the merchant's buttons do: each intent is one call to Django. */
import type { Session } from "../session/token.server";
import { apiFor, ask, type Answer, type Problem } from "./client.server";
import type { paths } from "./schema";

export type ActionAnswer = { ok: true; toast?: string; /** The revision that a move left. */ seen?: number; /** An address to open. */ url?: string } | { ok: false; problem: Problem };

/** What the merchant asked for already happens: that is no error to them. */
const ALREADY_RUNNING = "already_running";

const UNKNOWN_INTENT: Problem = { code: "unknown_intent", message: "This button is not known. Please reload the page.", isTemporary: false };

function started<T>(answer: Answer<T>, words: { toast: string; already: string }): ActionAnswer {
  if (answer.ok) return { ok: true, toast: words.toast };
  if (answer.problem.code === ALREADY_RUNNING) return { ok: true, toast: words.already };
  return answer;
}

async function train(session: Session): Promise<ActionAnswer> {
  const answer = await ask(session, apiFor(session).POST("/api/training"));
  return started(answer, { toast: "Training started", already: "A training is already running" });
}

async function importAgain(session: Session): Promise<ActionAnswer> {
  const answer = await ask(session, apiFor(session).POST("/api/imports"));
  return started(answer, { toast: "Import started", already: "An import is already running" });
}

type BlockReport = NonNullable<paths["/api/setup/theme-block"]["post"]["requestBody"]>["content"]["application/json"];

const PLACEMENTS = ["product", "home"] as const;

async function reportBlock(session: Session, form: FormData): Promise<ActionAnswer> {
  // Django checks the value: what a browser sends is not to be trusted here either.
  const told = PLACEMENTS.filter((placement) => form.has(placement)).map((placement) => [placement, textOf(form, placement)]);
  const body = Object.fromEntries(told) as BlockReport;
  const answer = await ask(session, apiFor(session).POST("/api/setup/theme-block", { body }));
  return answer.ok ? { ok: true } : answer;
}

const textOf = (form: FormData, name: string): string => String(form.get(name) ?? "");

async function release(session: Session, form: FormData): Promise<ActionAnswer> {
  const call = apiFor(session).POST("/api/model/versions/{id}/release", {
    params: { path: { id: textOf(form, "version") } },
    body: { reason: textOf(form, "reason") },
  });
  const answer = await ask(session, call);
  if (!answer.ok) return answer;
  const { number, state } = answer.data;
  return { ok: true, toast: state === "LIVE" ? `Version ${number} is in use` : `Version ${number} is being tried out` };
}

type Settings = paths["/api/model/settings"]["put"]["requestBody"]["content"]["application/json"];

async function changeSettings(session: Session, form: FormData): Promise<ActionAnswer> {
  // What is no number becomes null in JSON, which Django refuses with the field's name.
  const body: Settings = {
    min_gain_percent: Number(textOf(form, "min_gain_percent")),
    release_without_evidence: form.get("release_without_evidence") === "true",
    cool_down_hours: Number(textOf(form, "cool_down_hours")),
    min_accuracy_percent: Number(textOf(form, "min_accuracy_percent")),
  };
  const answer = await ask(session, apiFor(session).PUT("/api/model/settings", { body }));
  return answer.ok ? { ok: true, toast: "Settings saved" } : answer;
}

async function showNewProducts(session: Session, form: FormData): Promise<ActionAnswer> {
  const body = { shows_new_products: form.get("shows_new_products") === "true" };
  const answer = await ask(session, apiFor(session).PUT("/api/shop/settings", { body }));
  if (!answer.ok) return answer;
  return { ok: true, toast: answer.data.shows_new_products ? "New products get a place" : "New products get no place of their own" };
}

async function setHoldout(session: Session, form: FormData): Promise<ActionAnswer> {
  const answer = await ask(session, apiFor(session).PUT("/api/holdout", { body: { percent: Number(textOf(form, "percent")) } }));
  if (!answer.ok) return answer;
  const { percent } = answer.data;
  return { ok: true, toast: percent === 0 ? "Every visitor sees recommendations" : `${percent}% of your visitors are held out` };
}

async function explore(session: Session, form: FormData): Promise<ActionAnswer> {
  const answer = await ask(session, apiFor(session).PUT("/api/exploration", { body: { is_on: form.get("is_on") === "true" } }));
  if (!answer.ok) return answer;
  return { ok: true, toast: answer.data.is_on ? "Neighbouring products change places now and then" : "Every list keeps its order" };
}

type RolloutMove = paths["/api/rollouts/{id}/moves"]["post"]["requestBody"]["content"]["application/json"];

async function moveRollout(session: Session, form: FormData): Promise<ActionAnswer> {
  // Django checks the action and the revision: what a browser sends is not to be trusted here either.
  const body: RolloutMove = { action: textOf(form, "action") as RolloutMove["action"], revision: Number(textOf(form, "revision")), reason: textOf(form, "reason") };
  const answer = await ask(session, apiFor(session).POST("/api/rollouts/{id}/moves", { params: { path: { id: textOf(form, "rollout") } }, body }));
  return answer.ok ? { ok: true, toast: textOf(form, "toast"), seen: answer.data.summary.revision } : answer;
}

type Look = paths["/api/rollouts/{id}/look"]["post"]["requestBody"]["content"]["application/json"];

async function look(session: Session, form: FormData): Promise<ActionAnswer> {
  const product = textOf(form, "product");
  const body = { arm: textOf(form, "arm") as Look["arm"], ...(product && { product: Number(product) }) };
  const answer = await ask(session, apiFor(session).POST("/api/rollouts/{id}/look", { params: { path: { id: textOf(form, "rollout") } }, body }));
  return answer.ok ? { ok: true, url: answer.data.url } : answer;
}

async function lookBack(session: Session, form: FormData): Promise<ActionAnswer> {
  const answer = await ask(session, apiFor(session).POST("/api/rollouts/{id}/look-back", { params: { path: { id: textOf(form, "rollout") } } }));
  return answer.ok ? { ok: true, toast: "Looking back at the last 30 days" } : answer;
}

async function openRollout(session: Session, form: FormData): Promise<ActionAnswer> {
  const body = { version: textOf(form, "version"), reason: textOf(form, "reason") };
  const answer = await ask(session, apiFor(session).POST("/api/rollouts", { body }));
  return answer.ok ? { ok: true, toast: `Rollout ${answer.data.summary.number} is opened` } : answer;
}

async function goBack(session: Session, form: FormData): Promise<ActionAnswer> {
  const body = { version: textOf(form, "version"), reason: textOf(form, "reason") };
  const answer = await ask(session, apiFor(session).POST("/api/rollouts/go-back", { body }));
  return answer.ok ? { ok: true, toast: `Version ${answer.data.live_version} is in use` } : answer;
}

type RolloutSettings = paths["/api/rollouts/settings"]["put"]["requestBody"]["content"]["application/json"];

function settingsIn(form: FormData): RolloutSettings | undefined {
  try {
    return JSON.parse(textOf(form, "settings")) as RolloutSettings;
  } catch {
    return undefined;
  }
}

async function changeRolloutSettings(session: Session, form: FormData): Promise<ActionAnswer> {
  const body = settingsIn(form);
  if (!body) return { ok: false, problem: UNKNOWN_INTENT };
  const answer = await ask(session, apiFor(session).PUT("/api/rollouts/settings", { body }));
  return answer.ok ? { ok: true, toast: answer.data.is_off ? "Rollouts are off" : "Plan saved" } : answer;
}

/** Do what a form asks for. */
export async function act(session: Session, form: FormData): Promise<ActionAnswer> {
  switch (form.get("intent")) {
    case "train":
      return train(session);
    case "import":
      return importAgain(session);
    case "release":
      return release(session, form);
    case "settings":
      return changeSettings(session, form);
    case "new-products":
      return showNewProducts(session, form);
    case "holdout":
      return setHoldout(session, form);
    case "exploration":
      return explore(session, form);
    case "move-rollout":
      return moveRollout(session, form);
    case "look":
      return look(session, form);
    case "look-back":
      return lookBack(session, form);
    case "open-rollout":
      return openRollout(session, form);
    case "go-back":
      return goBack(session, form);
    case "rollout-settings":
      return changeRolloutSettings(session, form);
    case "theme-block":
      return reportBlock(session, form);
    default:
      return { ok: false, problem: UNKNOWN_INTENT };
  }
}
