import type { Metrics } from "../api/types";
import { formatRange, formatScore, formatShare } from "../lib/format";
import { findDescription } from "../lib/training";

type Measured = Metrics & { ndcg_at_10: number };

const wasMeasured = (row: Metrics): row is Measured => row.ndcg_at_10 != null;

const byScore = (one: Metrics, other: Metrics) => (other.ndcg_at_10 ?? -1) - (one.ndcg_at_10 ?? -1);

/** One bar for each method with its likely range. The table below says the same in numbers. */
function Bars({ rows }: { rows: readonly Measured[] }) {
  const longest = Math.max(...rows.map((row) => row.ndcg_high ?? row.ndcg_at_10), 1e-9);
  const percent = (value: number) => `${((value / longest) * 100).toFixed(2)}%`;
  return (
    <div className="bars" aria-hidden="true">
      {rows.map((row) => (
        <div key={row.model} className="bar-row" data-served={row.is_served}>
          <span className="bar-name">{row.label}</span>
          <span className="bar-track">
            <span className="bar-fill" style={{ inlineSize: percent(row.ndcg_at_10) }} />
            {row.ndcg_low != null && row.ndcg_high != null && (
              <span className="bar-range" style={{ insetInlineStart: percent(row.ndcg_low), inlineSize: percent(row.ndcg_high - row.ndcg_low) }} />
            )}
          </span>
          <span className="bar-value">{formatScore(row.ndcg_at_10)}</span>
        </div>
      ))}
    </div>
  );
}

function Method({ row }: { row: Metrics }) {
  const description = findDescription(row.model);
  return (
    <>
      <span className="method">
        {row.label} {row.is_served && <s-badge tone="success">In use</s-badge>}
      </span>
      {description && <span className="method-note">{description}</span>}
    </>
  );
}

/** All methods that were tried on the same purchases, best first. */
export function Comparison({ metrics }: { metrics: readonly Metrics[] }) {
  const rows = [...metrics].sort(byScore);
  return (
    <>
      <Bars rows={rows.filter(wasMeasured)} />
      <s-table>
        <s-table-header-row>
          <s-table-header listSlot="primary">Method</s-table-header>
          <s-table-header format="numeric" listSlot="labeled">
            Ranking score
          </s-table-header>
          <s-table-header format="numeric" listSlot="labeled">
            Likely range
          </s-table-header>
          <s-table-header format="numeric" listSlot="labeled">
            Customers with a match
          </s-table-header>
          <s-table-header format="numeric" listSlot="labeled">
            Purchases found
          </s-table-header>
          <s-table-header format="numeric" listSlot="labeled">
            Catalogue used
          </s-table-header>
        </s-table-header-row>
        <s-table-body>
          {rows.map((row) => (
            <s-table-row key={row.model}>
              <s-table-cell>
                <Method row={row} />
              </s-table-cell>
              <s-table-cell>{formatScore(row.ndcg_at_10)}</s-table-cell>
              <s-table-cell>
                <span className="nowrap">{formatRange(row.ndcg_low, row.ndcg_high)}</span>
              </s-table-cell>
              <s-table-cell>{formatShare(row.hit_rate_at_10)}</s-table-cell>
              <s-table-cell>{formatShare(row.recall_at_10)}</s-table-cell>
              <s-table-cell>{formatShare(row.coverage)}</s-table-cell>
            </s-table-row>
          ))}
        </s-table-body>
      </s-table>
      <details>
        <summary>What these columns mean</summary>
        <dl className="terms">
          <dt>Ranking score</dt>
          <dd>How near the top of ten suggestions the products are that customers then bought. 1 is perfect, 0 finds nothing. Data scientists call it NDCG@10.</dd>
          <dt>Likely range</dt>
          <dd>How far chance alone could move the score. Where two ranges overlap, the difference may be luck.</dd>
          <dt>Customers with a match</dt>
          <dd>The share of customers who bought at least one of their ten suggestions (hit rate@10).</dd>
          <dt>Purchases found</dt>
          <dd>Of what a customer bought, the share that was among the ten suggestions (recall@10).</dd>
          <dt>Catalogue used</dt>
          <dd>The share of your products that was suggested to somebody (coverage).</dd>
        </dl>
      </details>
    </>
  );
}
