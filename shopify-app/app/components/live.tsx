import type { LiveVersion, ModelVersion } from "../api/types";
import { formatShare } from "../lib/format";
import { answeredWords, basisWords, rateWords, rolloutWords } from "../lib/live";
import { findServed } from "../lib/training";

interface Props {
  live: readonly LiveVersion[];
  versions: readonly ModelVersion[];
  timezone: string;
}

/** What past purchases promised of each version, beside what shoppers did while it answered them. */
export function Live({ live, versions, timezone }: Props) {
  if (live.length === 0) return null;
  const trained = new Map(versions.map((one) => [one.number, one]));
  const rolled = live.map((one) => rolloutWords(one, trained.get(one.version))).filter((words) => words !== undefined);
  return (
    <s-section heading="Measured before, and live">
      <s-stack gap="base">
        <s-table>
          <s-table-header-row>
            <s-table-header listSlot="primary">Version</s-table-header>
            <s-table-header format="numeric" listSlot="labeled">
              Matches before
            </s-table-header>
            <s-table-header format="numeric" listSlot="labeled">
              Clicks of 100 lists
            </s-table-header>
            <s-table-header format="numeric" listSlot="labeled">
              Orders of 1,000 lists
            </s-table-header>
          </s-table-header-row>
          <s-table-body>
            {live.map((one) => (
              <Row key={one.version} live={one} trained={trained.get(one.version)} timezone={timezone} />
            ))}
          </s-table-body>
        </s-table>
        {rolled.map((words) => (
          <s-paragraph key={words}>{words}</s-paragraph>
        ))}
        <Terms />
      </s-stack>
    </s-section>
  );
}

function Row({ live, trained, timezone }: { live: LiveVersion; trained: ModelVersion | undefined; timezone: string }) {
  return (
    <s-table-row>
      <s-table-cell>
        <span className="method">Version {live.version}</span>
        <span className="method-note">{answeredWords(live, timezone)}</span>
        <span className="method-note">{basisWords(live)}</span>
      </s-table-cell>
      <s-table-cell>{formatShare(trained && findServed(trained)?.hit_rate_at_10)}</s-table-cell>
      <s-table-cell>{rateWords(live.clicks_per_list, 100, live)}</s-table-cell>
      <s-table-cell>{rateWords(live.orders_per_list, 1000, live)}</s-table-cell>
    </s-table-row>
  );
}

function Terms() {
  return (
    <details>
      <summary>What these columns mean</summary>
      <dl className="terms">
        <dt>Matches before</dt>
        <dd>Before it was used: of customers, or of orders, whose newest purchases it had not seen, the share for which its ten suggestions held one.</dd>
        <dt>Clicks of 100 lists</dt>
        <dd>How often shoppers clicked a suggestion, for each 100 lists that were really seen, with its likely range. Only whole days of the last 90 count on which no other version answered anybody, in UTC, and of shoppers only those who agree to be measured. Lists of popular products count as well.</dd>
        <dt>Orders of 1,000 lists</dt>
        <dd>Orders that were placed on these days with something in them that was clicked in a list, up to seven days before.</dd>
        <dt>Why two versions differ</dt>
        <dd>They met different days. Only a rollout shows two versions to shoppers at the same time, so only it says which one is better.</dd>
      </dl>
    </details>
  );
}
