import { data, useRevalidator } from "react-router";

import type { Route } from "./+types/rollout-settings";
import { act, type ActionAnswer } from "../api/actions.server";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { RolloutSettings } from "../api/types";
import { OffSwitch } from "../components/off-switch";
import { PlanEditor } from "../components/plan-editor";
import { StaleBanner, Unreachable } from "../components/problem";
import { useLastGood } from "../lib/last-good";
import { orProblem } from "../lib/load";
import { sessionContext } from "../session/middleware.server";

export async function loader({ context }: Route.LoaderArgs) {
  const session = context.get(sessionContext);
  const answer = await ask(session, apiFor(session).GET("/api/rollouts/settings"));
  return data(answer, { status: answer.ok ? 200 : 503 });
}

export const clientLoader = ({ serverLoader }: Route.ClientLoaderArgs) => orProblem<Answer<RolloutSettings>>(serverLoader);

export async function action({ context, request }: Route.ActionArgs) {
  return act(context.get(sessionContext), await request.formData());
}

export const clientAction = ({ serverAction }: Route.ClientActionArgs) => orProblem<ActionAnswer>(serverAction);

export const meta: Route.MetaFunction = () => [{ title: "Plan of rollouts" }];

/** How rollouts go on in this shop, who may move them, and the switch that turns all of them off. */
export default function RolloutSettingsPage({ loaderData }: Route.ComponentProps) {
  const { data: settings, problem } = useLastGood(loaderData as Answer<RolloutSettings>);
  const { revalidate, state } = useRevalidator();
  if (!settings) {
    if (!problem) return null;
    return <Unreachable page="Plan of rollouts" problem={problem} isTrying={state !== "idle"} onRetry={() => void revalidate()} />;
  }
  return (
    <s-page heading="Plan of rollouts" inlineSize="small">
      <s-link slot="breadcrumb-actions" href="/rollouts">
        Rollouts
      </s-link>
      <div className="page-stack">
        {problem && <StaleBanner problem={problem} />}
        <s-paragraph color="subdued">The plan holds for rollouts that open from now on. One that is under way keeps the plan it began with.</s-paragraph>
        <PlanEditor settings={settings} />
        <OffSwitch settings={settings} />
      </div>
    </s-page>
  );
}
