import { data, useRevalidator, useSearchParams } from "react-router";

import type { Route } from "./+types/preview";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { Preview, Rollouts, RolloutSummary } from "../api/types";
import { PreviewForm } from "../components/preview-form";
import { Shelf } from "../components/shelf";
import { ShopLook } from "../components/shop-look";
import { addressOf, askedIn, besideIn, questionOf, whatWords } from "../lib/preview";
import { orProblem } from "../lib/load";
import { sessionContext } from "../session/middleware.server";

/** A page under the version in use and, where one is asked for, under another. */
interface Previews {
  inUse: Preview;
  beside: Preview | undefined;
  /** By itself, so that a preview without them still stands. */
  rollouts: Answer<Rollouts>;
}

type Question = ReturnType<typeof questionOf>;

async function load(session: Parameters<typeof ask>[0], question: Question, version: string): Promise<Answer<Previews>> {
  const api = apiFor(session);
  const [inUse, beside, rollouts] = await Promise.all([
    ask(session, api.GET("/api/preview", { params: { query: question } })),
    version ? ask(session, api.GET("/api/preview", { params: { query: { ...question, version } } })) : undefined,
    ask(session, api.GET("/api/rollouts")),
  ]);
  if (!inUse.ok) return inUse;
  if (beside && !beside.ok) return beside;
  return { ok: true, data: { inUse: inUse.data, beside: beside?.data, rollouts } };
}

export async function loader({ context, request }: Route.LoaderArgs) {
  const session = context.get(sessionContext);
  const asked = new URL(request.url).searchParams;
  const answer = await load(session, questionOf(asked), besideIn(asked));
  return data(answer, { status: answer.ok || !answer.problem.isTemporary ? 200 : 503 });
}

export const clientLoader = ({ serverLoader }: Route.ClientLoaderArgs) => orProblem<Answer<Previews>>(serverLoader);

export const meta: Route.MetaFunction = () => [{ title: "Preview" }];

/** What a customer or a product's page would show now, and why. */
export default function PreviewPage({ loaderData }: Route.ComponentProps) {
  const answer = loaderData as Answer<Previews>;
  const [query] = useSearchParams();
  // A form for another question begins with what the address says of that one.
  return (
    <s-page heading="Preview">
      <div className="page-stack">
        <s-section heading="What would be shown now?">
          <s-paragraph color="subdued">
            See what a page recommends at this moment, and why. Nothing is shown to anybody, and nothing is counted. What a shopper looked at or has in the cart only their own browser knows, so it is left out here.
          </s-paragraph>
          <PreviewForm key={query.toString()} product={answer.ok ? answer.data.inUse.product : null} problem={answer.ok ? undefined : answer.problem} />
        </s-section>
        {answer.ok ? <Shown {...answer.data} /> : <Lost message={answer.problem.message} isField={answer.problem.field !== undefined} />}
      </div>
      {answer.ok && answer.data.rollouts.ok && answer.data.rollouts.data.live && (
        <div slot="aside" className="page-stack">
          <UnderBoth live={answer.data.rollouts.data.live} page={answer.data.inUse} asked={query} />
        </div>
      )}
    </s-page>
  );
}

/** The same page under both versions of the rollout that is under way: here, and in the shop itself. */
function UnderBoth({ live, page: { product }, asked }: { live: RolloutSummary; page: Preview; asked: URLSearchParams }) {
  return (
    <s-section heading="Under both versions">
      <s-stack gap="small">
        <s-paragraph>
          {product ? `The page of ${product.title}` : "The home page"}, while rollout {live.number} compares version {live.candidate_number} with version {live.champion_number}.
        </s-paragraph>
        <s-paragraph>{live.headline} Here each version answers alone.</s-paragraph>
        {besideIn(asked) !== live.candidate_id && <s-link href={`/preview?${addressOf(askedIn(asked), live.candidate_id)}`}>See version {live.candidate_number} beside it</s-link>}
        <ShopLook key={product?.product_id} summary={live} product={product?.product_id} />
      </s-stack>
    </s-section>
  );
}

function Lost({ message, isField }: { message: string; isField: boolean }) {
  const { revalidate, state } = useRevalidator();
  if (isField) return null;
  return (
    <s-section heading="The preview can't be shown just now">
      <div role="alert">
        <s-paragraph color="subdued">{message}</s-paragraph>
      </div>
      <s-button loading={state !== "idle"} onClick={() => void revalidate()}>
        Try now
      </s-button>
    </s-section>
  );
}

function Shown({ inUse, beside }: Previews) {
  if (!beside) return <List preview={inUse} />;
  return (
    <div className="sides">
      <List preview={inUse} under={`Version ${inUse.version_number ?? "–"}, in use`} />
      <List preview={beside} under={`Version ${beside.version_number ?? "–"}, the new one`} />
    </div>
  );
}

function List({ preview, under }: { preview: Preview; under?: string }) {
  const page = preview.product ? `On the page of ${preview.product.title}` : "On the home page";
  return (
    <s-section heading={under ? `${under}: ${page.charAt(0).toLowerCase()}${page.slice(1)}` : page}>
      <div role="status">
        <s-stack gap="small">
          {whatWords(preview).map((sentence) => (
            <s-paragraph key={sentence}>{sentence}</s-paragraph>
          ))}
        </s-stack>
      </div>
      <Shelf items={preview.items} />
    </s-section>
  );
}
