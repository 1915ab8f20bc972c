import { useSearchParams } from "react-router";

import type { Act } from "../api/types";
import { chosenIn, KINDS } from "../lib/activity";
import { formatMoment, withOurPercent } from "../lib/format";

const ICONS = { MERCHANT: "person", SYSTEM: "automation", STAFF: "view" } as const satisfies Record<Act["actor_kind"], string>;

const who = ({ is_you: isYou, actor }: Act): string => (isYou ? "You" : actor);

/** "2% → 2.5%" is read out as nothing, so the arrow is drawn and the words are said. */
function Changes({ changes }: { changes: Act["changes"] }) {
  if (changes.length === 0) return null;
  return (
    <dl className="changes">
      {changes.map((change) => (
        <div key={change.name} className="change">
          <dt>{change.name}</dt>
          <dd>
            {change.old && (
              <>
                <span className="visually-hidden">was </span>
                {change.old} <span aria-hidden="true">→ </span>
                <span className="visually-hidden">, is now </span>
              </>
            )}
            {change.new || "nothing"}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Entry({ act, timezone }: { act: Act; timezone: string }) {
  return (
    <li className="step">
      <s-icon type={ICONS[act.actor_kind]} tone="neutral" />
      <div className="step-body">
        <div className="step-head">
          <s-text type="strong">{act.what}</s-text>
          <s-badge>{KINDS[act.kind]}</s-badge>
        </div>
        <s-text color="subdued">
          {who(act)}, {formatMoment(act.at, timezone)}
          {act.subject && ` · ${act.subject}`}
          {act.actor_kind !== "SYSTEM" && act.where && ` · ${act.where}`}
        </s-text>
        {act.reason && <s-paragraph>{withOurPercent(act.reason)}</s-paragraph>}
        <Changes changes={act.changes} />
      </div>
    </li>
  );
}

/** What was done, newest first. */
export function ActList({ acts, timezone }: { acts: readonly Act[]; timezone: string }) {
  const [query] = useSearchParams();
  if (acts.length > 0) {
    return (
      <ol className="steps">
        {acts.map((act) => (
          <Entry key={act.id} act={act} timezone={timezone} />
        ))}
      </ol>
    );
  }
  const isNarrowed = Object.values(chosenIn(query)).some(Boolean);
  return <s-paragraph color="subdued">{isNarrowed ? "Nothing of this kind was done in this time." : "Nothing was done yet."}</s-paragraph>;
}
