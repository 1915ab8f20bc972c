import { type ReactNode, useEffect, useState } from "react";

import type { Problem } from "../api/client.server";
import type { RolloutSettings } from "../api/types";
import { useIntent } from "../lib/actions";
import { showSaveBar } from "../lib/bridge";
import { abDays, AUTONOMIES, draftOf, dwells, faultsOf, type Freeze, interleaveDays, isChanged, limitsOf, type NumberKey, type PlanDraft, requirementMeaning, REQUIREMENTS, settingsOf, shadows, spanWord } from "../lib/plan";
import { ActionProblem } from "./problem";

const SAVE_BAR = "rollout-settings-bar";

/** What is typed over the stored settings, until the save bar saves or discards it. */
function usePlanDraft(settings: RolloutSettings) {
  const stored = draftOf(settings);
  const [changes, setChanges] = useState<Partial<PlanDraft>>({});
  const saving = useIntent("rollout-settings", "/rollouts/settings");
  const draft = { ...stored, ...changes };
  const isDirty = isChanged(draft, stored);
  useEffect(() => {
    showSaveBar(SAVE_BAR, isDirty);
  }, [isDirty]);
  return {
    draft,
    saving,
    settings,
    faults: faultsOf(draft, settings),
    change: (more: Partial<PlanDraft>) => setChanges({ ...changes, ...more }),
    discard: () => setChanges({}),
    save: () => saving.run({ settings: JSON.stringify(settingsOf(draft, settings.is_off)) }),
  };
}

type Drafting = ReturnType<typeof usePlanDraft>;

const said = (problem: Problem | undefined, field: string): string | undefined => (problem?.field === field ? problem.message : undefined);

interface FieldProps {
  drafting: Drafting;
  name: keyof PlanDraft;
  label: string;
  details?: string;
}

function NumberField({ drafting: { draft, settings, faults, change, saving }, name, label, suffix, details }: FieldProps & { name: NumberKey; suffix?: string }) {
  const { min, max } = limitsOf(settings, name);
  return (
    <s-number-field
      label={label}
      {...(details && { details })}
      {...(suffix && { suffix })}
      min={min}
      {...(max < Infinity && { max })}
      inputMode="decimal"
      value={draft[name]}
      error={faults[name] ?? said(saving.problem, name)}
      onInput={(event) => change({ [name]: event.currentTarget.value })}
    />
  );
}

function ChoiceField({ drafting: { draft, change, saving }, name, label, details, children }: FieldProps & { children: ReactNode }) {
  return (
    <s-select label={label} {...(details && { details })} value={String(draft[name])} error={said(saving.problem, name)} onChange={(event) => change({ [name]: event.currentTarget.value })}>
      {children}
    </s-select>
  );
}

const options = (words: Record<string, string>) =>
  Object.entries(words).map(([value, word]) => (
    <s-option key={value} value={value}>
      {word}
    </s-option>
  ));

const spans = (hours: readonly number[], none = "0 hours") =>
  hours.map((count) => (
    <s-option key={count} value={String(count)}>
      {count === 0 ? none : spanWord(count)}
    </s-option>
  ));

function HowFar({ drafting }: { drafting: Drafting }) {
  const { draft, faults, change, saving } = drafting;
  return (
    <s-section heading="How far a rollout goes alone">
      <s-stack gap="base">
        <ChoiceField drafting={drafting} name="autonomy" label="It goes by itself" details="Going back needs nobody: a rollout that hurts is rolled back at any step.">
          {options(AUTONOMIES)}
        </ChoiceField>
        <s-text-field label="Shares of visitors, in percent" details="After the last of these comes 100%." value={draft.steps} error={faults.steps ?? said(saving.problem, "steps")} onInput={(event) => change({ steps: event.currentTarget.value })} />
        <ChoiceField drafting={drafting} name="dwell_hours" label="At each share for at least">
          {spans(dwells(draft.dwell_hours))}
        </ChoiceField>
        <ChoiceField drafting={drafting} name="interleave_days" label="Interleaving before the first share" details="Each personal list holds products of both versions, chosen in turns. Whose products visitors click first is counted: that tells with few visitors which version they prefer, and nothing of revenue.">
          {interleaveDays(draft.interleave_days).map((days) => (
            <s-option key={days} value={String(days)}>
              {days === 0 ? "None" : `${days} days at most`}
            </s-option>
          ))}
        </ChoiceField>
        <ChoiceField drafting={drafting} name="ab_days" label="Experiment before it is promoted" details="At the widest share of at most 50%, where as many visitors see each version: for as long as you say and until the difference is known.">
          {abDays(draft.ab_days).map((days) => (
            <s-option key={days} value={String(days)}>
              {days === 0 ? "None" : `${days} days at least`}
            </s-option>
          ))}
        </ChoiceField>
      </s-stack>
    </s-section>
  );
}

function WhatIsAsked({ drafting }: { drafting: Drafting }) {
  return (
    <s-section heading="What it must show">
      <s-stack gap="base">
        <ChoiceField drafting={drafting} name="requirement" label="To go on it must be">
          {options(REQUIREMENTS)}
        </ChoiceField>
        <NumberField drafting={drafting} name="margin_percent" label="A loss up to this counts as no worse" suffix="%" />
        <p className="meaning" aria-live="polite">
          {requirementMeaning(drafting.draft)}
        </p>
        <NumberField drafting={drafting} name="window_days" label="Orders count for this many days" suffix="days" details="From when a visitor first met the rollout; refunds are taken off." />
        <NumberField drafting={drafting} name="max_days" label="Longest time" suffix="days" details="After it a rollout without a clear answer waits for you." />
      </s-stack>
    </s-section>
  );
}

function Shadow({ drafting }: { drafting: Drafting }) {
  return (
    <s-section heading="In the shadow">
      <s-stack gap="base">
        <s-paragraph color="subdued">Before anybody sees a new version its lists are compared with what shoppers really saw.</s-paragraph>
        <NumberField drafting={drafting} name="shadow_percent" label="Share of real requests" suffix="%" />
        <NumberField drafting={drafting} name="shadow_requests" label="Requests at least" />
        <ChoiceField drafting={drafting} name="shadow_hours" label="For at least">
          {spans(shadows(drafting.draft.shadow_hours), "No least time")}
        </ChoiceField>
      </s-stack>
    </s-section>
  );
}

interface FreezeProps {
  freeze: Freeze;
  number: number;
  onChange: (freeze: Freeze) => void;
  onRemove: () => void;
}

function FreezeRow({ freeze, number, onChange, onRemove }: FreezeProps) {
  return (
    <li className="freeze">
      <s-date-field label="First day" value={freeze.first} onChange={(event) => onChange({ ...freeze, first: event.currentTarget.value })} />
      <s-date-field label="Last day" value={freeze.last} onChange={(event) => onChange({ ...freeze, last: event.currentTarget.value })} />
      <s-text-field label="Name" placeholder="Black Friday" maxLength={60} value={freeze.name} onInput={(event) => onChange({ ...freeze, name: event.currentTarget.value })} />
      <s-button variant="tertiary" accessibilityLabel={`Remove time ${number}`} onClick={onRemove}>
        Remove
      </s-button>
    </li>
  );
}

/** Days on which nothing widens. Going back always works. */
function Freezes({ drafting: { draft, faults, change, saving } }: { drafting: Drafting }) {
  const { freezes } = draft;
  const fault = faults.freezes ?? said(saving.problem, "freezes");
  const replace = (index: number, more: Freeze[]) => change({ freezes: freezes.toSpliced(index, 1, ...more) });
  return (
    <s-section heading="Days without changes">
      <s-stack gap="base">
        <s-paragraph color="subdued">On these days of your shop&apos;s calendar no rollout goes further. Going back works on every day.</s-paragraph>
        {freezes.length > 0 && (
          <ul className="freezes">
            {freezes.map((freeze, index) => (
              <FreezeRow key={index} freeze={freeze} number={index + 1} onChange={(changed) => replace(index, [changed])} onRemove={() => replace(index, [])} />
            ))}
          </ul>
        )}
        {fault && (
          <div role="alert">
            <s-text tone="critical">{fault}</s-text>
          </div>
        )}
        <div>
          <s-button onClick={() => change({ freezes: [...freezes, { first: "", last: "", name: "" }] })}>Add days</s-button>
        </div>
      </s-stack>
    </s-section>
  );
}

/** Who may start, widen and promote. Anybody may pause and go back. */
function Promoters({ drafting: { draft, change }, you }: { drafting: Drafting; you: string }) {
  const { promoters } = draft;
  const name = (id: string) => (id === you ? "You" : `Staff member ${id}`);
  return (
    <s-section heading="Who may show it to more visitors">
      <s-stack gap="base">
        <s-paragraph color="subdued">{promoters.length === 0 ? "Everyone who can open this app." : "Only these people may start, widen and promote. Everyone may pause and go back."}</s-paragraph>
        {promoters.length > 0 && (
          <ul className="found">
            {promoters.map((id) => (
              <li key={id}>
                <s-stack direction="inline" gap="small" alignItems="center">
                  <s-text>{name(id)}</s-text>
                  <s-button variant="tertiary" accessibilityLabel={`Remove ${name(id)}`} onClick={() => change({ promoters: promoters.filter((one) => one !== id) })}>
                    Remove
                  </s-button>
                </s-stack>
              </li>
            ))}
          </ul>
        )}
        {you && !promoters.includes(you) && (
          <div>
            <s-button onClick={() => change({ promoters: [...promoters, you] })}>{promoters.length === 0 ? "Only me" : "Add me"}</s-button>
          </div>
        )}
      </s-stack>
    </s-section>
  );
}

/** The plan of the next rollouts, with the admin's own save bar. */
export function PlanEditor({ settings }: { settings: RolloutSettings }) {
  const drafting = usePlanDraft(settings);
  const isValid = Object.keys(drafting.faults).length === 0;
  const { saving } = drafting;
  return (
    <>
      <ui-save-bar id={SAVE_BAR}>
        <button {...{ variant: "primary" }} type="button" disabled={!isValid || saving.isBusy} onClick={drafting.save}>
          Save
        </button>
        <button type="button" disabled={saving.isBusy} onClick={drafting.discard}>
          Discard
        </button>
      </ui-save-bar>
      {!saving.problem?.field && <ActionProblem heading="The plan could not be saved" problem={saving.problem} />}
      <HowFar drafting={drafting} />
      <WhatIsAsked drafting={drafting} />
      <Shadow drafting={drafting} />
      <Freezes drafting={drafting} />
      <Promoters drafting={drafting} you={settings.you} />
    </>
  );
}
