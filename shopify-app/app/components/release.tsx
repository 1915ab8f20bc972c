import { useRef, useState } from "react";

import type { Problem } from "../api/client.server";
import type { ModelState, ModelVersion } from "../api/types";
import { useIntent } from "../lib/actions";
import { offerInToast, showToast } from "../lib/bridge";
import { decisionWords, findMove } from "../lib/gates";
import { listen } from "../lib/listen";

const DIALOG_ID = "release-dialog";
const LONGEST_REASON = 300;

/** A version that was put in use by hand, and the one that answered before. */
interface Change {
  to: ModelVersion;
  from: ModelVersion | null;
}

/** Putting a version in use by hand: asked for in a list, confirmed in a dialog, undone in a banner. */
export interface Release {
  dialogId: string;
  isBusy: boolean;
  problem: Problem | undefined;
  /** The version that the dialog asks about. */
  asked: ModelVersion | undefined;
  /** What was done last, while it still holds. */
  done: Change | undefined;
  ask: (version: ModelVersion) => void;
  confirm: (reason: string) => void;
  undo: () => void;
  dismiss: () => void;
}

export function useRelease({ current }: ModelState): Release {
  const [asked, setAsked] = useState<ModelVersion>();
  const [done, setDone] = useState<Change>();
  const pending = useRef<Change>(undefined);
  const start = (change: Change, reason: string) => {
    pending.current = change;
    intent.run({ version: change.to.id, reason });
  };
  const undo = (change: Change | undefined) => {
    if (change?.from) start({ to: change.from, from: change.to }, "Undone.");
  };
  const intent = useIntent("release", "/model", ({ toast }) => {
    const change = pending.current;
    setDone(change);
    // What is tried out is undone where its rollout is looked at.
    if (toast && change?.from && !change.to.can_release) offerInToast(toast, { label: "Undo", run: () => undo(change) });
    else if (toast) showToast(toast);
  });
  return {
    dialogId: DIALOG_ID,
    isBusy: intent.isBusy,
    problem: intent.problem,
    asked,
    // A later training may have changed what is in use.
    done: done && done.to.id === current?.id ? done : undefined,
    ask: setAsked,
    confirm: (reason) => asked && start({ to: asked, from: current }, reason),
    undo: () => undo(done),
    dismiss: () => setDone(undefined),
  };
}

/** Asks once more before shoppers see another version, and for the reason. */
export function ReleaseDialog({ release, current }: { release: Release; current: ModelVersion | null }) {
  const { asked } = release;
  const [reason, setReason] = useState("");
  const move = asked && findMove(asked, current);
  const words = asked?.can_release ? decisionWords(asked) : "";
  const confirm = () => {
    release.confirm(reason.trim());
    setReason("");
  };
  return (
    <s-modal id={DIALOG_ID} heading={move?.question ?? "Use another version?"}>
      <s-stack gap="base">
        {words && <s-paragraph>{words}</s-paragraph>}
        <s-paragraph>{move?.consequence}</s-paragraph>
        <s-text-field
          label="Why? (optional)"
          details="Kept with the decision, for whoever asks later."
          maxLength={LONGEST_REASON}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </s-stack>
      <s-button slot="secondary-actions" commandFor={DIALOG_ID} command="--hide">
        Cancel
      </s-button>
      <s-button slot="primary-action" variant="primary" commandFor={DIALOG_ID} command="--hide" onClick={confirm}>
        {move?.confirm ?? "Use it"}
      </s-button>
    </s-modal>
  );
}

/** Says what was done, and takes it back. */
export function ReleaseBanner({ release }: { release: Release }) {
  const { done } = release;
  if (!done) return null;
  return (
    <s-banner tone="success" heading={`Version ${done.to.number} is in use`} dismissible ref={listen("dismiss", release.dismiss)}>
      <s-paragraph>Your storefront shows its recommendations within a few minutes.</s-paragraph>
      {done.from && (
        <s-button slot="secondary-actions" loading={release.isBusy} onClick={release.undo}>
          Undo: back to version {done.from.number}
        </s-button>
      )}
    </s-banner>
  );
}
