import type { ModelVersion } from "../api/types";
import { formatCount, formatMoment, formatScore } from "../lib/format";
import { findServed, servedLabel } from "../lib/training";

const LOOKS = {
  LIVE: { tone: "success", word: "Live" },
  RETIRED: { tone: "neutral", word: "Replaced" },
  REJECTED: { tone: "warning", word: "Not used" },
} as const satisfies Record<ModelVersion["state"], unknown>;

/** Every version that was trained, newest first. */
export function VersionHistory({ versions, timezone }: { versions: readonly ModelVersion[]; timezone: string }) {
  const rows = [...versions].sort((one, other) => other.number - one.number);
  return (
    <s-table>
      <s-table-header-row>
        <s-table-header listSlot="primary">Version</s-table-header>
        <s-table-header listSlot="labeled">Trained</s-table-header>
        <s-table-header listSlot="labeled">Method in use</s-table-header>
        <s-table-header format="numeric" listSlot="labeled">
          Ranking score
        </s-table-header>
        <s-table-header format="numeric" listSlot="labeled">
          Purchases
        </s-table-header>
      </s-table-header-row>
      <s-table-body>
        {rows.map((version) => {
          const { tone, word } = LOOKS[version.state];
          const served = findServed(version);
          return (
            <s-table-row key={version.id}>
              <s-table-cell>
                <span className="method">
                  Version {version.number} <s-badge tone={tone}>{word}</s-badge>
                </span>
                {version.state === "REJECTED" && version.state_reason && (
                  <s-text color="subdued">{version.state_reason}</s-text>
                )}
              </s-table-cell>
              <s-table-cell>{formatMoment(version.created_at, timezone)}</s-table-cell>
              <s-table-cell>{servedLabel(version)}</s-table-cell>
              <s-table-cell>{formatScore(served?.ndcg_at_10)}</s-table-cell>
              <s-table-cell>{formatCount(version.interactions)}</s-table-cell>
            </s-table-row>
          );
        })}
      </s-table-body>
    </s-table>
  );
}
