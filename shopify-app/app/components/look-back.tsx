import type { LookBack, RolloutReport } from "../api/types";
import { useIntent } from "../lib/actions";
import { formatCount, formatShortDate, withOurPercent } from "../lib/format";
import { ActionProblem } from "./problem";

const HEADING = "Time machine";
export const isLookingBack = (found: LookBack | null): boolean => found?.state === "WAITING" || found?.state === "RUNNING";

/** The last 30 days, asked what a version made like the new one would have found of what customers then bought. */
export function LookBackSection({ report, timezone }: { report: RolloutReport; timezone: string }) {
  const { look_back: found, summary } = report;
  const asking = useIntent("look-back", `/rollouts/${summary.id}`);
  const isOver = summary.ended_at !== null;
  if (isOver && !found) return null;
  return (
    <s-section heading={HEADING}>
      <s-stack gap="base">
        <ActionProblem heading="This could not be begun" problem={asking.problem} />
        <s-paragraph color="subdued">Where few visitors come, your own last 30 days tell what an experiment would take months for. It takes some minutes, and shows nobody anything.</s-paragraph>
        {found && <Found found={found} timezone={timezone} />}
        {!isOver && !isLookingBack(found) && (
          <s-button onClick={() => asking.run({ rollout: summary.id })} loading={asking.isBusy} disabled={asking.isBusy}>
            {found ? "Look back again" : "Look back at the last 30 days"}
          </s-button>
        )}
      </s-stack>
    </s-section>
  );
}

function Found({ found, timezone }: { found: LookBack; timezone: string }) {
  const percent = Math.round(found.progress * 100);
  return (
    <>
      <p role="status">{withOurPercent(found.words)}</p>
      {isLookingBack(found) && <s-progress value={percent} max={100} accessibilityLabel={`${HEADING}: ${percent} percent`} />}
      {found.rounds.length > 0 && <Rounds rounds={found.rounds} timezone={timezone} />}
    </>
  );
}

function Rounds({ rounds, timezone }: { rounds: LookBack["rounds"]; timezone: string }) {
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="What each found">
      <table className="numbers">
        <caption className="visually-hidden">How well each found what customers bought, from 0 to 1</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">Customers</th>
            <th scope="col">Made like the new one</th>
            <th scope="col">In use then</th>
          </tr>
        </thead>
        <tbody>
          {rounds.map((round) => (
            <tr key={round.since}>
              <th scope="row">{formatShortDate(round.since, timezone)}</th>
              <td>{formatCount(round.customers)}</td>
              <td>{round.candidate.toFixed(3)}</td>
              <td>{round.champion.toFixed(3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
