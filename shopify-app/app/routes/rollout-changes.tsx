import { data, Link, useRevalidator, useSearchParams } from "react-router";

import type { Route } from "./+types/rollout-changes";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { Changes, RolloutReport } from "../api/types";
import { ChangedPageSection, Shifts } from "../components/changed-pages";
import { StaleBanner, Unreachable } from "../components/problem";
import { ORDERS, type Order, orderIn, pageIn, questionOf, summaryWords } from "../lib/changes";
import { useLastGood } from "../lib/last-good";
import { orProblem } from "../lib/load";
import { sessionContext } from "../session/middleware.server";

interface ChangesData {
  report: RolloutReport;
  changes: Changes;
}

async function load(session: Parameters<typeof ask>[0], id: string, asked: URLSearchParams): Promise<Answer<ChangesData>> {
  const api = apiFor(session);
  const path = { id };
  const [report, changes] = await Promise.all([
    ask(session, api.GET("/api/rollouts/{id}", { params: { path } })),
    ask(session, api.GET("/api/rollouts/{id}/changes", { params: { path, query: questionOf(asked) } })),
  ]);
  if (!report.ok) return report;
  return changes.ok ? { ok: true, data: { report: report.data, changes: changes.data } } : changes;
}

export async function loader({ context, params, request }: Route.LoaderArgs) {
  const answer = await load(context.get(sessionContext), params.id, new URL(request.url).searchParams);
  return data(answer, { status: answer.ok ? 200 : answer.problem.isTemporary ? 503 : 404 });
}

export const clientLoader = ({ serverLoader }: Route.ClientLoaderArgs) => orProblem<Answer<ChangesData>>(serverLoader);

export const meta: Route.MetaFunction = () => [{ title: "What changes" }];

/** Page by page, what shoppers would see under the new version. */
export default function RolloutChangesPage({ loaderData }: Route.ComponentProps) {
  const { data: known, problem } = useLastGood(loaderData as Answer<ChangesData>);
  const { revalidate, state } = useRevalidator();
  if (!known) {
    if (!problem) return null;
    return <Unreachable page="What changes" problem={problem} isTrying={state !== "idle"} onRetry={() => void revalidate()} />;
  }
  const { changes, report } = known;
  const { id, number, champion_number: inUse, candidate_number: newer } = report.summary;
  return (
    <s-page heading={`What rollout ${number} changes`}>
      <s-link slot="breadcrumb-actions" href={`/rollouts/${id}`}>
        Rollout {number}
      </s-link>
      <div className="page-stack">
        {problem && <StaleBanner problem={problem} />}
        <s-section accessibilityLabel="In short">
          <p className="standing">{summaryWords(changes)}</p>
        </s-section>
        {changes.pages.length > 0 && <Orders />}
        {changes.pages.map((page) => (
          <ChangedPageSection key={page.product?.product_id ?? "home"} page={page} numbers={[inUse, newer]} />
        ))}
        <Pages next={changes.next_page} />
      </div>
      <div slot="aside" className="page-stack">
        <Shifts heading="On more pages" shifts={changes.gains} word="more" />
        <Shifts heading="On fewer pages" shifts={changes.losses} word="fewer" />
      </div>
    </s-page>
  );
}

function Orders() {
  const [query] = useSearchParams();
  const chosen = orderIn(query);
  return (
    <nav className="tabs" aria-label="Order of the pages">
      {(Object.entries(ORDERS) as [Order, string][]).map(([order, word]) => (
        <Link key={order} to={`?order=${order}`} aria-current={order === chosen ? "page" : undefined}>
          {word}
        </Link>
      ))}
    </nav>
  );
}

function Pages({ next }: { next: number | null }) {
  const [query] = useSearchParams();
  const page = pageIn(query);
  const address = (to: number) => `?${new URLSearchParams({ order: orderIn(query), page: String(to) })}`;
  if (page === 1 && next === null) return null;
  return (
    <nav className="pages" aria-label="More pages">
      {page > 1 && <Link to={address(page - 1)}>Back</Link>}
      {next !== null && <Link to={address(next)}>More pages</Link>}
    </nav>
  );
}
