import { useState } from "react";

import type { Holdout } from "../api/types";
import { useIntent } from "../lib/actions";
import { formatMoment } from "../lib/format";
import { ActionProblem } from "./problem";

const SHARES = Array.from({ length: 11 }, (_, percent) => percent);

const shareWord = (percent: number): string => (percent === 0 ? "Off: every visitor sees recommendations" : `${percent}% of your visitors`);

interface Props {
  holdout: Holdout;
  timezone: string;
}

/** How many visitors see popular products for comparison. A change begins the measuring anew, so it needs a second click. */
export function HoldoutSetting({ holdout: { percent, since }, timezone }: Props) {
  const [draft, setDraft] = useState<string>();
  const saving = useIntent("holdout", "/settings");
  const wanted = draft ?? String(percent);
  const isChanged = wanted !== String(percent);
  return (
    <s-section heading="Measure what recommendations really add">
      <s-stack gap="base">
        <s-paragraph>
          Some shoppers would have bought the same products without a recommendation. A holdout tells how much recommendations add: a small share of your visitors, drawn by chance and always the same ones, sees popular products
          instead. Home then compares what both groups buy.
        </s-paragraph>
        <s-paragraph color="subdued">
          It costs a little: visitors in the holdout see no personal recommendations. The smaller the share and the shop, the longer it takes until the difference is clear; often months. Visitors who did not agree to be measured
          are in neither group.
        </s-paragraph>
        <ActionProblem heading="The holdout was not changed" problem={saving.problem} />
        <div className="choice">
          <s-select label="Held out" value={wanted} disabled={saving.isBusy} onChange={(event) => setDraft(event.currentTarget.value)}>
            {SHARES.map((share) => (
              <s-option key={share} value={String(share)}>
                {shareWord(share)}
              </s-option>
            ))}
          </s-select>
        </div>
        {isChanged && percent > 0 && <s-paragraph>After this change what is measured begins anew: some visitors change sides.</s-paragraph>}
        <s-stack direction="inline" gap="small">
          <s-button variant="primary" disabled={!isChanged} loading={saving.isBusy} onClick={() => saving.run({ percent: wanted })}>
            Save
          </s-button>
        </s-stack>
        {since && <s-text color="subdued">Last changed {formatMoment(since, timezone)}. The activity page says by whom.</s-text>}
      </s-stack>
    </s-section>
  );
}
