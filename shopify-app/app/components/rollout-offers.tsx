import { useState } from "react";

import type { Problem } from "../api/client.server";
import type { Rollouts, VersionOffer } from "../api/types";
import { useIntent } from "../lib/actions";
import { formatMoment, withOurPercent } from "../lib/format";
import { STALE_PAGES } from "../lib/rollouts";
import { AdviceList } from "./rollout-advice";

const DIALOG_ID = "rollout-offer";
const LONGEST_REASON = 300;

type Kind = "open-rollout" | "go-back";

interface Asked {
  kind: Kind;
  version: VersionOffer;
}

/** Opening a rollout by hand, and going back to an earlier version. */
export interface Offers {
  asked: Asked | undefined;
  isBusy: boolean;
  problem: Problem | undefined;
  ask: (asked: Asked) => void;
  confirm: (reason: string) => void;
}

export function useOffers(): Offers {
  const [asked, setAsked] = useState<Asked>();
  const intents = { "open-rollout": useIntent("open-rollout", "/rollouts"), "go-back": useIntent("go-back", "/rollouts") };
  return {
    asked,
    isBusy: intents["open-rollout"].isBusy || intents["go-back"].isBusy,
    problem: asked && intents[asked.kind].problem,
    ask: setAsked,
    confirm: (reason) => asked && intents[asked.kind].run({ version: asked.version.version_id, reason }),
  };
}

const WORDS = {
  "open-rollout": {
    heading: "Versions to roll out",
    intro: "These are ready and not shown to anybody.",
    label: "Open a rollout",
    question: (number: number) => `Open a rollout of version ${number}?`,
    consequence: "Nobody sees it at first: its lists are compared with what shoppers really see. Then it goes on as your plan says.",
  },
  "go-back": {
    heading: "Earlier versions",
    intro: "These were in use before. Going back takes less than half a minute.",
    label: "Go back to it",
    question: (number: number) => `Go back to version ${number}?`,
    consequence: `It is in use again, and a rollout that is under way ends. It does not know the orders that came after it was trained. ${STALE_PAGES}`,
  },
} as const satisfies Record<Kind, unknown>;

function OfferSection({ kind, versions, offers, timezone }: { kind: Kind; versions: readonly VersionOffer[]; offers: Offers; timezone: string }) {
  const { heading, intro, label } = WORDS[kind];
  if (versions.length === 0) return null;
  return (
    <s-section heading={heading}>
      <s-paragraph color="subdued">{intro}</s-paragraph>
      <ul className="versions">
        {versions.map((version) => (
          <li key={version.version_id} className="version">
            <div className="step-head">
              <s-text type="strong">Version {version.number}</s-text>
              <s-text color="subdued">trained {formatMoment(version.created_at, timezone)}</s-text>
            </div>
            {version.words && <s-paragraph>{withOurPercent(version.words)}</s-paragraph>}
            <div>
              <s-button commandFor={DIALOG_ID} command="--show" disabled={offers.isBusy} accessibilityLabel={`${label}: version ${version.number}`} onClick={() => offers.ask({ kind, version })}>
                {label}
              </s-button>
            </div>
          </li>
        ))}
      </ul>
    </s-section>
  );
}

/** What could be begun by hand. */
export function OfferSections({ rollouts, offers, timezone }: { rollouts: Rollouts; offers: Offers; timezone: string }) {
  return (
    <>
      <OfferSection kind="open-rollout" versions={rollouts.to_open} offers={offers} timezone={timezone} />
      <OfferSection kind="go-back" versions={rollouts.to_go_back_to} offers={offers} timezone={timezone} />
    </>
  );
}

/** Asks once more, and for the reason; an opening also with what can be told of it. */
export function OfferDialog({ offers: { asked, confirm }, advice }: { offers: Offers; advice: readonly string[] }) {
  const [reason, setReason] = useState("");
  const words = asked && WORDS[asked.kind];
  const send = () => {
    confirm(reason.trim());
    setReason("");
  };
  return (
    <s-modal id={DIALOG_ID} heading={asked && words ? words.question(asked.version.number) : "Use another version?"}>
      <s-stack gap="base">
        <s-paragraph>{words?.consequence}</s-paragraph>
        {asked?.kind === "open-rollout" && <AdviceList advice={advice} />}
        <s-text-field label="Why? (optional)" details="Kept with the decision, for whoever asks later." maxLength={LONGEST_REASON} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </s-stack>
      <s-button slot="secondary-actions" commandFor={DIALOG_ID} command="--hide">
        Cancel
      </s-button>
      <s-button slot="primary-action" variant="primary" commandFor={DIALOG_ID} command="--hide" onClick={send}>
        {words?.label ?? "Do it"}
      </s-button>
    </s-modal>
  );
}
