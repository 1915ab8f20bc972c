import type { Detection, GuardReport, MetricReport, RolloutReport, TimelineEntry } from "../api/types";
import { formatCount, formatMoment, formatPercent, NOTHING, withOurPercent } from "../lib/format";
import { detectionWords, intervalText, nothingComparedWords, noticeWords, stateLook, verdictLook } from "../lib/rollouts";
import { RolloutPlot } from "./rollout-plot";

function MetricHead({ metric, isOver }: { metric: MetricReport; isOver: boolean }) {
  const { tone, word } = verdictLook(metric.verdict);
  return (
    <>
      <div className="step-head">
        <s-text type="strong">{metric.name}</s-text>
        {metric.is_deciding ? <s-badge tone={tone}>{isOver && metric.verdict === "NOT_ENOUGH" ? "Not enough" : word}</s-badge> : <s-badge>Only informs</s-badge>}
      </div>
      <s-paragraph>
        {intervalText(metric) && <strong className="interval">{intervalText(metric)}. </strong>}
        {withOurPercent(metric.words)}
      </s-paragraph>
      <s-text color="subdued">
        {formatCount(metric.candidate_visitors)} visitors saw the new version, {formatCount(metric.control_visitors)} the one in use.
      </s-text>
    </>
  );
}

const wasShown = (steps: RolloutReport["steps"]): boolean => steps.some(({ percent, since }) => percent > 0 && since !== null);

const wasMixed = (steps: RolloutReport["steps"]): boolean => steps.some(({ kind, since }) => kind === "INTERLEAVING" && since !== null);

/** The new version against the one in use, metric by metric: an interval each, never a bare number. */
export function RolloutMetrics({ report, timezone }: { report: RolloutReport; timezone: string }) {
  const { metrics, sample_words: sample, measured_at: measured } = report;
  const isOver = report.summary.ended_at !== null;
  return (
    <s-section heading="The new version against the one in use">
      {metrics.length === 0 && <s-paragraph color="subdued">{nothingComparedWords({ shown: wasShown(report.steps), mixed: wasMixed(report.steps), ended_at: report.summary.ended_at })}</s-paragraph>}
      {measured && (
        <s-paragraph color="subdued">
          {isOver ? "As it was last measured" : "Measured"} {formatMoment(measured, timezone)}
          {isOver ? ", before it ended." : "."}
        </s-paragraph>
      )}
      {sample && <s-paragraph color="subdued">{withOurPercent(sample)}</s-paragraph>}
      <ul className="versions">
        {metrics.map((metric) => (
          <li key={metric.metric} className="version">
            <MetricHead metric={metric} isOver={isOver} />
            <RolloutPlot plotted={metric} timezone={timezone} />
          </li>
        ))}
      </ul>
    </s-section>
  );
}

function GuardRow({ guard, isOver }: { guard: GuardReport; isOver: boolean }) {
  const { tone, word } = verdictLook(guard.verdict);
  return (
    <tr>
      <th scope="row">{guard.name}</th>
      <td>
        <s-badge tone={tone}>{guard.verdict !== "NOT_ENOUGH" ? word : isOver ? "Nothing found" : "Watching"}</s-badge>
      </td>
      <td>{guard.candidate || NOTHING}</td>
      <td>{guard.champion || NOTHING}</td>
      {!isOver && <td>{noticeWords(guard.notice_seconds)}</td>}
    </tr>
  );
}

const GUARDS = "What takes it back by itself";
const GUARDS_OVER = "What was watched while it was shown";

/** How soon harm is found in shops of several sizes, for who has no traffic to tell it from yet. */
function DetectionTimes({ detection: { percent, median_answers: usual, p99_answers: latest, times } }: { detection: Detection }) {
  return (
    <>
      <s-paragraph>
        Errors in 5% of its answers, where the version in use has 1%, are found after {formatCount(usual)} of the new version's answers in half of all cases, after {formatCount(latest)} in 99 of 100. Where{" "}
        {percent === 100 ? "it is asked for every personal list" : `${formatPercent(percent)} of visitors see it`}, and the whole shop has
      </s-paragraph>
      <s-unordered-list>
        {times.map((time) => (
          <s-list-item key={time.requests_per_second}>{detectionWords(time)}</s-list-item>
        ))}
      </s-unordered-list>
    </>
  );
}

/** What is watched every two seconds, and how long it would take to notice; of a rollout that is over, what was counted. */
export function RolloutGuards({ report: { guards, detection, summary }, timezone }: { report: RolloutReport; timezone: string }) {
  const { ended_at: ended } = summary;
  if (guards.length === 0 && !detection) return null;
  if (ended !== null) {
    return (
      <s-section heading={GUARDS_OVER}>
        <s-paragraph color="subdued">As it was counted until it ended, {formatMoment(ended, timezone)}.</s-paragraph>
        <GuardTable guards={guards} isOver />
      </s-section>
    );
  }
  return (
    <s-section heading={GUARDS}>
      <s-paragraph color="subdued">Looked at every 2 seconds against the version in use at the same moment. Where the new one is clearly worse, our answers are the old one's again within a second.</s-paragraph>
      {detection && <DetectionTimes detection={detection} />}
      {guards.length > 0 && <GuardTable guards={guards} isOver={false} />}
    </s-section>
  );
}

function GuardTable({ guards, isOver }: Pick<RolloutReport, "guards"> & { isOver: boolean }) {
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Guardrails">
      <table className="numbers numbers-wide numbers-wrapped">
        <caption className="visually-hidden">{isOver ? GUARDS_OVER : GUARDS}</caption>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">{isOver ? "At the end" : "Now"}</th>
            <th scope="col">New version</th>
            <th scope="col">In use</th>
            {!isOver && <th scope="col">Clear harm is noticed</th>}
          </tr>
        </thead>
        <tbody>
          {guards.map((guard) => (
            <GuardRow key={guard.name} guard={guard} isOver={isOver} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Whose products visitors clicked first in lists of both versions. */
export function RolloutInterleaving({ interleaving, candidate, champion }: Pick<RolloutReport, "interleaving"> & { candidate: number; champion: number }) {
  if (!interleaving) return null;
  const { tone, word } = verdictLook(interleaving.verdict);
  return (
    <s-section heading="Interleaving">
      <s-stack gap="small">
        <div className="step-head">
          <s-text>
            Clicked first: {formatCount(interleaving.candidate)} times a product of version {candidate}, {formatCount(interleaving.champion)} times one of version {champion}
          </s-text>
          <s-badge tone={tone}>{word}</s-badge>
        </div>
        <s-paragraph>{withOurPercent(interleaving.words)}</s-paragraph>
      </s-stack>
    </s-section>
  );
}

/** What was compared before anybody saw it. */
export function RolloutShadow({ report }: { report: RolloutReport }) {
  const { shadow, summary } = report;
  if (!shadow) return null;
  const { tone, word } = verdictLook(shadow.verdict);
  return (
    <s-section heading="Compared in the shadow">
      <s-stack gap="small">
        <div className="step-head">
          <s-text>
            {formatCount(shadow.compared)} of at least {formatCount(shadow.wanted)} real requests
          </s-text>
          <s-badge tone={tone}>{word}</s-badge>
        </div>
        <s-paragraph>{withOurPercent(shadow.words)}</s-paragraph>
        {shadow.figures.length > 0 && (
        <dl className="figures">
          {shadow.figures.map(({ name, value, words }) => (
            <div key={name} className="figure">
              <dt>{name}</dt>
              <dd>
                {withOurPercent(value)} {words && <span className="tile-note">{withOurPercent(words)}</span>}
              </dd>
            </div>
          ))}
        </dl>
        )}
        <s-link href={`/rollouts/${summary.id}/changes`}>See product by product what would change</s-link>
      </s-stack>
    </s-section>
  );
}

const who = (actor: string): string => {
  if (actor === "system") return "Tailorbird";
  if (actor.startsWith("staff")) return "Tailorbird support";
  const user = /^user (.+)$/.exec(actor)?.[1];
  return user ? `Staff member ${user}` : actor;
};

function Entry({ entry, timezone }: { entry: TimelineEntry; timezone: string }) {
  const isMove = entry.kind === "MOVE";
  const tone = entry.state ? stateLook(entry.state).tone : "warning";
  return (
    <li className="step">
      <s-icon type={isMove ? "arrow-right" : "alert-triangle"} tone={tone} />
      <div className="step-body">
        <div className="step-head">
          <s-text type="strong">{withOurPercent(entry.title)}</s-text>
          {!isMove && <s-badge tone="warning">Also changed</s-badge>}
        </div>
        <s-text color="subdued">
          {formatMoment(entry.at, timezone)}
          {entry.actor && `, ${who(entry.actor)}`}
        </s-text>
        {entry.words && <s-paragraph>{withOurPercent(entry.words)}</s-paragraph>}
      </div>
    </li>
  );
}

/** What happened, newest first, with what else changed in the shop meanwhile. */
export function RolloutTimeline({ timeline, timezone }: { timeline: RolloutReport["timeline"]; timezone: string }) {
  return (
    <s-section heading="What happened">
      <ol className="steps">
        {timeline.map((entry) => (
          <Entry key={`${entry.at} ${entry.title}`} entry={entry} timezone={timezone} />
        ))}
      </ol>
    </s-section>
  );
}
