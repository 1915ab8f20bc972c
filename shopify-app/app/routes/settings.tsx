import { data, useRevalidator } from "react-router";

import type { Route } from "./+types/settings";
import { act, type ActionAnswer } from "../api/actions.server";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { Exploration, Holdout, Shop } from "../api/types";
import { ExplorationSetting } from "../components/exploration";
import { HoldoutSetting } from "../components/holdout";
import { NewProducts } from "../components/new-products";
import { StaleBanner, Unreachable } from "../components/problem";
import { useLastGood } from "../lib/last-good";
import { orProblem } from "../lib/load";
import { sessionContext } from "../session/middleware.server";

interface SettingsData {
  shop: Shop;
  holdout: Holdout;
  exploration: Exploration;
}

async function load(session: Parameters<typeof ask>[0]): Promise<Answer<SettingsData>> {
  const api = apiFor(session);
  const shop = await ask(session, api.GET("/api/shop"));
  if (!shop.ok) return shop;
  const holdout = await ask(session, api.GET("/api/holdout"));
  if (!holdout.ok) return holdout;
  const exploration = await ask(session, api.GET("/api/exploration"));
  return exploration.ok ? { ok: true, data: { shop: shop.data, holdout: holdout.data, exploration: exploration.data } } : exploration;
}

export async function loader({ context }: Route.LoaderArgs) {
  const answer = await load(context.get(sessionContext));
  return data(answer, { status: answer.ok ? 200 : 503 });
}

export const clientLoader = ({ serverLoader }: Route.ClientLoaderArgs) => orProblem<Answer<SettingsData>>(serverLoader);

export async function action({ context, request }: Route.ActionArgs) {
  return act(context.get(sessionContext), await request.formData());
}

export const clientAction = ({ serverAction }: Route.ClientActionArgs) => orProblem<ActionAnswer>(serverAction);

export const meta: Route.MetaFunction = () => [{ title: "Settings" }];

/** What the merchant wants shoppers to see. The rules for versions stand on the model page, beside what they decide. */
export default function SettingsPage({ loaderData }: Route.ComponentProps) {
  const answer = loaderData as Answer<SettingsData>;
  const { data: known, problem } = useLastGood(answer);
  const { revalidate, state } = useRevalidator();
  if (!known) {
    if (!problem) return null;
    return <Unreachable page="Settings" problem={problem} isTrying={state !== "idle"} onRetry={() => void revalidate()} />;
  }
  return (
    <s-page heading="Settings">
      <div className="page-stack">
        {problem && <StaleBanner problem={problem} />}
        <HoldoutSetting holdout={known.holdout} timezone={known.shop.timezone} />
        <NewProducts isOn={known.shop.shows_new_products} />
        <ExplorationSetting exploration={known.exploration} timezone={known.shop.timezone} />
        <s-paragraph color="subdued">
          When a new version is tried out, and when one is trained: see the <s-link href="/model">model page</s-link>.
        </s-paragraph>
      </div>
    </s-page>
  );
}
