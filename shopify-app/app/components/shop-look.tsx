import { useState } from "react";

import type { RolloutReport } from "../api/types";
import { useIntent } from "../lib/actions";
import { ActionProblem } from "./problem";

/** The storefront under either version, in a new tab; where the browser opens none, as a link. */
export function ShopLook({ report: { summary } }: { report: RolloutReport }) {
  const [url, setUrl] = useState<string>();
  const intent = useIntent("look", `/rollouts/${summary.id}`, (answer) => {
    setUrl(answer.url);
    if (answer.url) window.open(answer.url, "_blank", "noopener");
  });
  const show = (arm: string) => intent.run({ rollout: summary.id, arm });
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
      <s-text color="subdued">The address is valid for an hour, for whoever has it. Its tab goes on showing that version; nothing you do there is counted.</s-text>
    </s-stack>
  );
}
