import { data, useNavigation, useSearchParams } from "react-router";

import type { Route } from "./+types/activity";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { Activity, Shop } from "../api/types";
import { ActivityFilters, DownloadActivity } from "../components/activity-filters";
import { ActList } from "../components/act-list";
import { StaleBanner, Unreachable } from "../components/problem";
import { chosenIn, questionOf } from "../lib/activity";
import { formatUnit } from "../lib/format";
import { useLastGood } from "../lib/last-good";
import { orProblem } from "../lib/load";
import { sessionContext } from "../session/middleware.server";

interface ActivityData {
  shop: Shop;
  activity: Activity;
}

async function load(session: Parameters<typeof ask>[0], asked: URLSearchParams): Promise<Answer<ActivityData>> {
  const api = apiFor(session);
  const shop = await ask(session, api.GET("/api/shop"));
  if (!shop.ok) return shop;
  const query = { ...questionOf(chosenIn(asked), shop.data.timezone, new Date()), before: asked.get("before") ?? undefined };
  const activity = await ask(session, api.GET("/api/activity", { params: { query } }));
  return activity.ok ? { ok: true, data: { shop: shop.data, activity: activity.data } } : activity;
}

export async function loader({ context, request }: Route.LoaderArgs) {
  const answer = await load(context.get(sessionContext), new URL(request.url).searchParams);
  return data(answer, { status: answer.ok ? 200 : 503 });
}

export const clientLoader = ({ serverLoader }: Route.ClientLoaderArgs) => orProblem<Answer<ActivityData>>(serverLoader);

export const meta: Route.MetaFunction = () => [{ title: "Activity" }];

/** What was done to the shop, by whom, when and why. */
export default function ActivityPage({ loaderData }: Route.ComponentProps) {
  const answer = loaderData as Answer<ActivityData>;
  const { data: known, problem } = useLastGood(answer);
  const [, setQuery] = useSearchParams();
  const { state } = useNavigation();
  if (!known) {
    if (!problem) return null;
    return <Unreachable page="Activity" problem={problem} isTrying={state !== "idle"} onRetry={() => setQuery({})} />;
  }
  return <Loaded known={known} problem={problem} />;
}

function Loaded({ known: { shop, activity }, problem }: { known: ActivityData; problem: Parameters<typeof StaleBanner>[0]["problem"] | undefined }) {
  return (
    <s-page heading="Activity">
      <DownloadActivity timezone={shop.timezone} />
      <div className="page-stack">
        {problem && <StaleBanner problem={problem} />}
        <s-section heading="What was done">
          <s-paragraph color="subdued">Everything that changed something in your shop's name: by you and your colleagues, by Tailorbird itself, and every look that our support took.</s-paragraph>
          <ActivityFilters />
          <p className="visually-hidden" role="status">
            {formatUnit(activity.acts.length, "entries")} shown.
          </p>
          <ActList acts={activity.acts} timezone={shop.timezone} />
          <Pages activity={activity} />
        </s-section>
      </div>
    </s-page>
  );
}

function Pages({ activity: { next_before: next } }: { activity: Activity }) {
  const [query] = useSearchParams();
  const addressOf = (before?: string) => {
    const chosen = new URLSearchParams(query);
    chosen.delete("before");
    if (before) chosen.set("before", before);
    return `/activity?${chosen}`;
  };
  const isFirst = !query.has("before");
  if (isFirst && !next) return null;
  return (
    <nav className="pages" aria-label="Pages of the activity">
      {!isFirst && <s-button href={addressOf()}>Newest</s-button>}
      {next && <s-button href={addressOf(next)}>Older</s-button>}
    </nav>
  );
}
