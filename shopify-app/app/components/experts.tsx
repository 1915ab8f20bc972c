import type { Metrics, ModelVersion } from "../api/types";
import { formatDuration, formatMemory, formatMilliseconds, NOTHING, withOurPercent } from "../lib/format";
import { isMeasured } from "../lib/training";

const isTimed = (row: Metrics): boolean => row.p50_ms != null || row.fit_seconds != null;

function trainingTime(seconds: number | null | undefined): string {
  if (seconds == null) return NOTHING;
  return seconds < 1 ? "under 1 second" : formatDuration(seconds);
}

/** What each method costs in time. */
function Costs({ metrics }: { metrics: readonly Metrics[] }) {
  const rows = metrics.filter(isTimed);
  if (rows.length === 0) return null;
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="What each method costs">
      <table className="numbers">
        <caption className="visually-hidden">What each method costs</caption>
        <thead>
          <tr>
            <th scope="col">Method</th>
            <th scope="col">Training</th>
            <th scope="col">One answer, typical</th>
            <th scope="col">One answer, slowest of 100</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.model}>
              <th scope="row">{row.label}</th>
              <td>{trainingTime(row.fit_seconds)}</td>
              <td>{formatMilliseconds(row.p50_ms)}</td>
              <td>{formatMilliseconds(row.p99_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What a data scientist asks for: lineage, time and memory. */
export function ForExperts({ version }: { version: ModelVersion }) {
  return (
    <s-section heading="For experts">
      <Costs metrics={version.metrics} />
      <dl className="facts facts-wide">
        {isMeasured(version) && version.summary && (
          <>
            <dt>Summary</dt>
            <dd>{withOurPercent(version.summary)}</dd>
          </>
        )}
        {version.peak_memory_mb != null && (
          <>
            <dt>Memory at most</dt>
            <dd>{formatMemory(version.peak_memory_mb)} while training</dd>
          </>
        )}
        <dt>Version id</dt>
        <dd>
          <code>{version.id}</code>
        </dd>
        <dt>Code revision</dt>
        <dd>
          <code>{version.code_revision || "unknown"}</code>
        </dd>
        <dt>MLflow run</dt>
        <dd>
          {version.mlflow_url ? (
            <s-link href={version.mlflow_url} target="_blank">
              Open the run in MLflow
            </s-link>
          ) : (
            <code>{version.mlflow_run_id || "none"}</code>
          )}
        </dd>
      </dl>
      {version.model_card && (
        <details className="model-card">
          <summary>Model card</summary>
          <CardText text={withOurPercent(version.model_card)} />
        </details>
      )}
    </s-section>
  );
}

/** A model card in Markdown: its paragraphs wrap, the rows of its tables are scrolled to. */
function CardText({ text }: { text: string }) {
  const lines = text.split("\n");
  return (
    <pre tabIndex={0}>
      {lines.map((line, number) => (
        <span className={line.startsWith("|") ? "model-card-row" : undefined} key={number}>
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
