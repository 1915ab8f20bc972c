import { type RefObject, useEffect, useRef, useState } from "react";

import type { Problem } from "../api/client.server";
import type { RolloutReport } from "../api/types";
import { useIntent } from "../lib/actions";
import { offerInToast, showToast } from "../lib/bridge";
import { withOurPercent } from "../lib/format";
import { type Move, moveOf, movesOf, refusalsOf } from "../lib/rollouts";
import { AdviceList } from "./rollout-advice";

const DIALOG_ID = "rollout-move";
const LONGEST_REASON = 300;

/** What can be undone by one more click, while its toast stands. */
const WIDENS: ReadonlySet<Move["action"]> = new Set(["STEP", "PROMOTE"]);

/** What may stand out as the one to press: the way on. */
const LEADS: ReadonlySet<Move["action"]> = new Set(["START", "RESUME", "STEP", "PROMOTE"]);

/** A move with the revision on which it was asked for: what the dialog says is of that one, whatever a poll brings meanwhile. */
interface Asked {
  move: Move;
  revision: number;
}

/** A rollout's moves: asked for by a button, confirmed in a dialog, told in a toast. */
export interface RolloutMoves {
  moves: Move[];
  asked: Move | undefined;
  /** Where the focus goes when the button of a move is gone after it. */
  standing: RefObject<HTMLParagraphElement | null>;
  isBusy: boolean;
  problem: Problem | undefined;
  ask: (move: Move) => void;
  confirm: (reason: string) => void;
}

export function useRolloutMoves(report: RolloutReport): RolloutMoves {
  const [asked, setAsked] = useState<Asked>();
  const { id, revision } = report.summary;
  const [standing, expectMove] = useFocusAfterMove(revision);
  const intent = useIntent("move-rollout", `/rollouts/${id}`, ({ toast, seen }) => {
    if (toast && seen && asked && WIDENS.has(asked.move.action)) offerInToast(toast, { label: "Undo", run: () => run("UNDO", seen, "Undone.") });
    else if (toast) showToast(toast);
  });
  const run = (action: Move["action"], seen: number, reason: string) => {
    const { toast } = moveOf(action, report);
    expectMove();
    intent.run({ rollout: id, action, revision: String(seen), reason, toast });
  };
  return {
    moves: movesOf(report),
    asked: asked?.move,
    standing,
    isBusy: intent.isBusy,
    problem: intent.problem,
    ask: (move) => setAsked({ move, revision }),
    confirm: (reason) => asked && run(asked.move.action, asked.revision, reason),
  };
}

/** A browser takes the focus from a button that is disabled only once it paints, so it is still there when this is asked. */
const isFocusLost = (at: Element | null): boolean => at === null || at === document.body || (at as HTMLButtonElement).disabled || at.hasAttribute("disabled");

/** The button of a move is often gone once it is made, and the focus with it: then it goes to the words that say what became of it. */
function useFocusAfterMove(revision: number): [RefObject<HTMLParagraphElement | null>, () => void] {
  const standing = useRef<HTMLParagraphElement>(null);
  const isExpected = useRef(false);
  useEffect(() => {
    if (!isExpected.current) return;
    isExpected.current = false;
    if (isFocusLost(document.activeElement)) standing.current?.focus();
  }, [revision]);
  return [standing, () => (isExpected.current = true)];
}

/** One button a move. Each asks once more before anything happens. */
export function MoveButtons({ moves: { moves, ask } }: { moves: RolloutMoves }) {
  if (moves.length === 0) return null;
  // A button that has the focus is not disabled while its answer is on its way: the focus would be lost. An old revision moves nothing.
  return (
    <s-stack gap="small">
      {refusalsOf(moves).map((words) => (
        <s-paragraph key={words}>Not possible yet: {withOurPercent(words)}</s-paragraph>
      ))}
      <s-stack direction="inline" gap="small">
        {moves.map((move) => (
          <s-button
            key={move.action}
            variant={LEADS.has(move.action) && move === moves[0] && !move.refused ? "primary" : "secondary"}
            tone={move.tone}
            disabled={Boolean(move.refused)}
            commandFor={DIALOG_ID}
            command="--show"
            onClick={() => ask(move)}
          >
            {move.label}
          </s-button>
        ))}
      </s-stack>
    </s-stack>
  );
}

/** Asks once more, and for the reason, before shoppers see something else; a start also with what can be told of it. */
export function MoveDialog({ moves: { asked, confirm }, advice }: { moves: RolloutMoves; advice: readonly string[] }) {
  const [reason, setReason] = useState("");
  const send = () => {
    confirm(reason.trim());
    setReason("");
  };
  return (
    <s-modal id={DIALOG_ID} heading={asked?.question ?? "Move this rollout?"}>
      <s-stack gap="base">
        <s-paragraph>{asked?.consequence}</s-paragraph>
        {asked?.action === "START" && <AdviceList advice={advice} />}
        <s-text-field label="Why? (optional)" details="Kept with the move, for whoever asks later." maxLength={LONGEST_REASON} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </s-stack>
      <s-button slot="secondary-actions" commandFor={DIALOG_ID} command="--hide">
        Cancel
      </s-button>
      <s-button slot="primary-action" variant="primary" tone={asked?.tone ?? "auto"} commandFor={DIALOG_ID} command="--hide" onClick={send}>
        {asked?.confirm ?? "Do it"}
      </s-button>
    </s-modal>
  );
}
