import type { ReactNode } from "react";

import type { ModelVersion } from "../api/types";
import { formatDuration, formatMoment } from "../lib/format";
import { comparedWith, decidedBy, decisionWords, findMeasured, findMove, stateLook, verdictWord } from "../lib/gates";
import { learnedFrom } from "../lib/training";
import { GainScale } from "./gain-scale";
import type { Release } from "./release";

/** Older ones are folded: what was decided last is what matters. */
const SHOWN = 5;

interface ListProps {
  versions: readonly ModelVersion[];
  current: ModelVersion | null;
  timezone: string;
  release: Release;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Details({ version, timezone }: { version: ModelVersion; timezone: string }) {
  const { gate } = version;
  return (
    <details>
      <summary>
        More<span className="visually-hidden"> about version {version.number}</span>
      </summary>
      <dl className="facts facts-wide">
        {gate && <Fact name="Decision">{verdictWord(gate)}</Fact>}
        {gate && (
          <Fact name="Decided">
            {formatMoment(gate.created_at, timezone)}, by {decidedBy(gate)}
          </Fact>
        )}
        {gate?.champion != null && findMeasured(gate) && <Fact name="Compared with">{comparedWith(gate, timezone)}</Fact>}
        <Fact name="Learned from">
          {learnedFrom(version)}, in {formatDuration(version.train_seconds)}
        </Fact>
      </dl>
      <s-link href={`/model/advanced?version=${version.number}`}>See how version {version.number} works inside</s-link>
    </details>
  );
}

function Version({ version, current, timezone, release }: Omit<ListProps, "versions"> & { version: ModelVersion }) {
  const { tone, word } = stateLook(version);
  const measured = findMeasured(version.gate);
  const words = decisionWords(version);
  const move = findMove(version, current);
  return (
    <li className="version">
      <div className="step-head">
        <s-text type="strong">Version {version.number}</s-text>
        <s-badge tone={tone}>{word}</s-badge>
        <s-text color="subdued">trained {formatMoment(version.created_at, timezone)}</s-text>
      </div>
      {words ? <s-paragraph>{words}</s-paragraph> : <s-paragraph color="subdued">It is from before versions were compared, so no decision was kept.</s-paragraph>}
      {measured && <GainScale measured={measured} />}
      {move && (
        <div>
          <s-button
            commandFor={release.dialogId}
            command="--show"
            disabled={release.isBusy}
            accessibilityLabel={`${move.label}: version ${version.number}`}
            onClick={() => release.ask(version)}
          >
            {move.label}
          </s-button>
        </div>
      )}
      <Details version={version} timezone={timezone} />
    </li>
  );
}

/** Every version, newest first, with what was decided about it and what can be done. */
export function VersionList({ versions, ...rest }: ListProps) {
  const rows = [...versions].sort((one, other) => other.number - one.number);
  const older = rows.slice(SHOWN);
  const item = (version: ModelVersion) => <Version key={version.id} version={version} {...rest} />;
  return (
    <>
      <ol className="versions">{rows.slice(0, SHOWN).map(item)}</ol>
      {older.length > 0 && (
        <details>
          <summary>
            {older.length === 1 ? "1 older version" : `${older.length} older versions`}
          </summary>
          <ol className="versions">{older.map(item)}</ol>
        </details>
      )}
    </>
  );
}
