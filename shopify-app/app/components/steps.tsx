import type { ReactNode } from "react";

import type { SetupStep } from "../api/types";
import { Progress } from "./progress";

type State = SetupStep["state"];

const LOOKS = {
  DONE: { icon: "check-circle", tone: "success", word: "Done" },
  RUNNING: { icon: "refresh", tone: "info", word: "In progress" },
  WAITING: { icon: "circle-dashed", tone: "neutral", word: "Waiting" },
  FAILED: { icon: "alert-circle", tone: "critical", word: "Needs attention" },
  NEEDS_ACTION: { icon: "alert-circle", tone: "caution", word: "Your turn" },
} as const satisfies Record<State, unknown>;

interface StepProps {
  step: SetupStep;
  /** Buttons for what the merchant can do about this step. */
  children?: ReactNode;
}

function Step({ step, children }: StepProps) {
  const { icon, tone, word } = LOOKS[step.state];
  return (
    <li className="step" data-state={step.state}>
      <s-icon type={icon} tone={tone} />
      <div className="step-body">
        <div className="step-head">
          <s-text type="strong">{step.title}</s-text>
          <s-badge tone={tone}>{word}</s-badge>
        </div>
        {step.detail && <s-paragraph color="subdued">{step.detail}</s-paragraph>}
        {step.state === "RUNNING" && <Progress label={step.title} done={step.done ?? null} total={step.total ?? null} unit={step.unit ?? ""} />}
        {children}
      </div>
    </li>
  );
}

/** What a screen reader hears when a step changes; counts would be too much. */
function spokenState(steps: readonly SetupStep[]): string {
  const running = steps.filter((step) => step.state === "RUNNING").map((step) => `${step.title}: in progress.`);
  const failed = steps.filter((step) => step.state === "FAILED").map((step) => `${step.title}: needs attention.`);
  return [...failed, ...running].join(" ");
}

interface StepsProps {
  steps: readonly SetupStep[];
  actionsFor: (step: SetupStep) => ReactNode;
}

export function Steps({ steps, actionsFor }: StepsProps) {
  const done = steps.filter((step) => step.state === "DONE").length;
  return (
    <>
      <div className="progress">
        <s-text color="subdued">
          {done} of {steps.length} steps done
        </s-text>
        <s-progress value={done} max={steps.length} tone={done === steps.length ? "success" : "auto"} accessibilityLabel={`Set-up: ${done} of ${steps.length} steps done`} />
      </div>
      <p className="visually-hidden" role="status">
        {spokenState(steps)}
      </p>
      <ol className="steps">
        {steps.map((step) => (
          <Step key={step.id} step={step}>
            {actionsFor(step)}
          </Step>
        ))}
      </ol>
    </>
  );
}
