import { useState } from "react";

import type { RolloutSummary } from "../api/types";
import { useIntent } from "../lib/actions";
import { ActionProblem } from "./problem";

interface Props {
  summary: RolloutSummary;
  /** On whose page; without one the home page is opened. */
  product?: number | undefined;
}

/** The storefront under either version, in a new tab; where the browser opens none, as a link. */
export function ShopLook({ summary, product }: Props) {
  const [url, setUrl] = useState<string>();
  const intent = useIntent("look", `/rollouts/${summary.id}`, (answer) => {
    setUrl(answer.url);
    if (answer.url) window.open(answer.url, "_blank", "noopener");
  });
  const show = (arm: string) => intent.run({ rollout: summary.id, arm, ...(product && { product: String(product) }) });
  if (summary.ended_at || summary.state === "DRAFT") return null;
  return (
    <s-stack gap="small">
      <ActionProblem heading="The shop can't be shown so" problem={intent.problem} />
      <s-button disabled={intent.isBusy} onClick={() => show("candidate")}>
        Open the shop as the new version
      </s-button>
      <s-button disabled={intent.isBusy} onClick={() => show("champion")}>
        Open the shop as the live one
      </s-button>
      {url && (
        <s-link href={url} target="_blank">
          Open it again
        </s-link>
      )}
      {summary.percent === 0 && <s-text color="subdued">Your pages hold its lists from its first share of visitors on: until then it shows only where your block reorders for each shopper. The preview shows it on every page.</s-text>}
      <s-text color="subdued">The address is valid for an hour, for whoever has it. Its tab goes on showing that version; nothing you do there is counted.</s-text>
    </s-stack>
  );
}
