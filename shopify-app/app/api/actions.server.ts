/** What the merchant's buttons do: each intent is one call to Django. */
import type { Session } from "../session/token.server";
import { apiFor, ask, type Answer, type Problem } from "./client.server";
import type { paths } from "./schema";

export type ActionAnswer = { ok: true; toast?: string } | { ok: false; problem: Problem };

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

type BlockStatus = paths["/api/setup/theme-block"]["post"]["requestBody"]["content"]["application/json"]["status"];

async function reportBlock(session: Session, form: FormData): Promise<ActionAnswer> {
  // Django checks the value: what a browser sends is not to be trusted here either.
  const status = String(form.get("status")) as BlockStatus;
  const answer = await ask(session, apiFor(session).POST("/api/setup/theme-block", { body: { status } }));
  return answer.ok ? { ok: true } : answer;
}

/** Do what a form asks for. */
export async function act(session: Session, form: FormData): Promise<ActionAnswer> {
  switch (form.get("intent")) {
    case "train":
      return train(session);
    case "import":
      return importAgain(session);
    case "theme-block":
      return reportBlock(session, form);
    default:
      return { ok: false, problem: UNKNOWN_INTENT };
  }
}
