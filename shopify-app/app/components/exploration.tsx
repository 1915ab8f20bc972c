import { useState } from "react";

import type { Exploration } from "../api/types";
import { useIntent } from "../lib/actions";
import { explorationWords } from "../lib/exploration";
import { formatMoment } from "../lib/format";
import { ActionProblem } from "./problem";

interface Props {
  exploration: Exploration;
  timezone: string;
}

/** Whether two neighbouring products change places by chance in a few lists. Nothing changes until the merchant agrees. */
export function ExplorationSetting({ exploration, timezone }: Props) {
  const saving = useIntent("exploration", "/settings");
  const [wanted, setWanted] = useState(exploration.is_on);
  const change = (isWanted: boolean) => {
    setWanted(isWanted);
    saving.run({ is_on: String(isWanted) });
  };
  const { is_on: isOn, since, one_in: oneIn } = exploration;
  return (
    <s-section heading="Learn what the order does">
      <s-stack gap="base">
        <s-paragraph>
          Shoppers click more on what stands in front, whether it suits them or not. So clicks on lists that always keep their order say little about whether that order is right. Where chance has put two products the other way
          round, they do.
        </s-paragraph>
        <ActionProblem heading="This could not be saved" problem={saving.problem} />
        <s-checkbox
          label="Let neighbouring products change places now and then"
          details={`In one of ${oneIn} lists two neighbouring products change places. No product comes in or drops out, and the place for a new product stays. It costs at most that: one list of ${oneIn} is ordered a little less well. While versions are compared, and in lists that a page shows everybody, nothing changes.`}
          checked={saving.isBusy ? wanted : isOn}
          disabled={saving.isBusy}
          onChange={(event) => change(event.currentTarget.checked)}
        />
        {isOn && explorationWords(exploration).map((words) => <s-paragraph key={words}>{words}</s-paragraph>)}
        {since && <s-text color="subdued">On since {formatMoment(since, timezone)}. The activity page says who agreed.</s-text>}
      </s-stack>
    </s-section>
  );
}
