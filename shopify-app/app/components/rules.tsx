import { useState } from "react";

import type { Problem } from "../api/client.server";
import type { ModelSettings } from "../api/types";
import { useIntent } from "../lib/actions";
import { formatMoment } from "../lib/format";
import { ACCURACY, BAR, barMeaning, coolDowns, coolDownWord, decidedBy, readNumber } from "../lib/gates";
import { ActionProblem } from "./problem";

type Drafts = Partial<Record<"min_gain_percent" | "release_without_evidence" | "cool_down_hours" | "min_accuracy_percent", string>>;

const storedTexts = (settings: ModelSettings): Required<Drafts> => ({
  min_gain_percent: String(settings.min_gain_percent),
  release_without_evidence: String(settings.release_without_evidence),
  cool_down_hours: String(settings.cool_down_hours),
  min_accuracy_percent: String(settings.min_accuracy_percent),
});

/** "2.50" is no change of "2.5". */
const isSame = (one: string, other: string): boolean => one === other || (one.trim() !== "" && Number(one) === Number(other));

/** What is typed over the stored settings, until it is saved. */
function useDrafts(settings: ModelSettings) {
  const [drafts, setDrafts] = useState<Drafts>({});
  const stored = storedTexts(settings);
  const saving = useIntent("settings", "/model");
  const texts = { ...stored, ...drafts };
  const keys = Object.keys(stored) as (keyof Drafts)[];
  return {
    texts,
    isChanged: keys.some((key) => !isSame(texts[key], stored[key])),
    saving,
    change: (key: keyof Drafts, text: string) => setDrafts({ ...drafts, [key]: text }),
    discard: () => setDrafts({}),
  };
}

type Drafting = ReturnType<typeof useDrafts>;

/** Django's words about one field, beside that field. */
const errorOf = (problem: Problem | undefined, field: keyof Drafts): string | undefined => (problem?.field === field ? problem.message : undefined);

interface SaveProps {
  drafting: Drafting;
  isValid: boolean;
  settings: ModelSettings;
  timezone: string;
}

function Save({ drafting: { texts, isChanged, saving, discard }, isValid, settings, timezone }: SaveProps) {
  return (
    <>
      {!saving.problem?.field && <ActionProblem heading="The settings could not be saved" problem={saving.problem} />}
      <s-stack direction="inline" gap="small">
        <s-button variant="primary" disabled={!isChanged || !isValid} loading={saving.isBusy} onClick={() => saving.run(texts)}>
          Save
        </s-button>
        {isChanged && !saving.isBusy && (
          <s-button variant="tertiary" onClick={discard}>
            Discard
          </s-button>
        )}
      </s-stack>
      {settings.updated_at && settings.updated_by && (
        <s-text color="subdued">
          Last changed {formatMoment(settings.updated_at, timezone)} by {decidedBy({ actor: settings.updated_by })}.
        </s-text>
      )}
    </>
  );
}

interface RulesProps {
  settings: ModelSettings;
  timezone: string;
}

/** When a new version is tried out: the bar, and what holds without evidence. */
export function ReleaseRules({ settings, timezone }: RulesProps) {
  const drafting = useDrafts(settings);
  const { texts, change, saving } = drafting;
  const bar = readNumber(texts.min_gain_percent, BAR);
  const outOfRange = bar === undefined ? `Give a number from −${-BAR.min} to ${BAR.max}.` : undefined;
  return (
    <s-section heading="When a new version is tried out">
      <s-stack gap="base">
        <s-number-field
          label="Least gain over the best simple method"
          suffix="%"
          min={BAR.min}
          max={BAR.max}
          step={0.5}
          inputMode="decimal"
          value={texts.min_gain_percent}
          error={outOfRange ?? errorOf(saving.problem, "min_gain_percent")}
          onInput={(event) => change("min_gain_percent", event.currentTarget.value)}
        />
        {bar !== undefined && (
          <p className="meaning" aria-live="polite">
            {barMeaning(bar)}
          </p>
        )}
        <s-checkbox
          label="Try out new versions even when there is too little data to compare"
          details="For small shops: the newest orders count more than a measured gain."
          checked={texts.release_without_evidence === "true"}
          onChange={(event) => change("release_without_evidence", String(event.currentTarget.checked))}
        />
        <Save drafting={drafting} isValid={bar !== undefined} settings={settings} timezone={timezone} />
      </s-stack>
    </s-section>
  );
}

/** When a training starts by itself. */
export function RetrainingRules({ settings, timezone }: RulesProps) {
  const drafting = useDrafts(settings);
  const { texts, change, saving } = drafting;
  const accuracy = readNumber(texts.min_accuracy_percent, ACCURACY);
  const outOfRange = accuracy === undefined ? `Give a number from ${ACCURACY.min} to ${ACCURACY.max}.` : undefined;
  return (
    <s-section heading="When to train again">
      <s-stack gap="base">
        <s-select
          label="Pause after each training"
          details="Until it is over nothing but you starts another one. A short pause reacts faster; a long one keeps one bad week from causing many trainings."
          value={texts.cool_down_hours}
          error={errorOf(saving.problem, "cool_down_hours")}
          onChange={(event) => change("cool_down_hours", event.currentTarget.value)}
        >
          {coolDowns(settings.cool_down_hours).map((hours) => (
            <s-option key={hours} value={String(hours)}>
              {coolDownWord(hours)}
            </s-option>
          ))}
        </s-select>
        <s-number-field
          label="Train again when matches fall under"
          suffix="%"
          min={ACCURACY.min}
          max={ACCURACY.max}
          step={1}
          inputMode="numeric"
          details="Of how often suggestions matched when the version was put in use. Higher trains sooner and more often."
          value={texts.min_accuracy_percent}
          error={outOfRange ?? errorOf(saving.problem, "min_accuracy_percent")}
          onInput={(event) => change("min_accuracy_percent", event.currentTarget.value)}
        />
        <Save drafting={drafting} isValid={accuracy !== undefined} settings={settings} timezone={timezone} />
      </s-stack>
    </s-section>
  );
}
