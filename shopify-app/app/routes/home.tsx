import { data, useRevalidator } from "react-router";

import type { Route } from "./+types/home";
import { act, type ActionAnswer } from "../api/actions.server";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { Block, ModelState, ModelVersion, Results, Rollouts, Setup, SetupStep, Shop } from "../api/types";
import { DataRequests } from "../components/data-requests";
import { KeyNumbers } from "../components/key-numbers";
import { Part } from "../components/part";
import { ActionProblem, StaleBanner, Unreachable } from "../components/problem";
import { ResultsSections } from "../components/results";
import { SummaryWords } from "../components/rollout-summary";
import { Steps } from "../components/steps";
import { useIntent } from "../lib/actions";
import { useBlockReport } from "../lib/block-report";
import { requestScope, showToast } from "../lib/bridge";
import { formatMoment } from "../lib/format";
import { useLastGood } from "../lib/last-good";
import { openRollout } from "../lib/rollouts";
import { orProblem } from "../lib/load";
import { useLivePolling } from "../lib/polling";
import { daysIn } from "../lib/results";
import { findHeld, isRunning } from "../lib/training";
import { sessionContext } from "../session/middleware.server";

interface Home {
  shop: Shop;
  setup: Setup;
  model: ModelState;
  /** By itself, so that a page without its results still stands. */
  results: Answer<Results>;
  /** Likewise. */
  rollouts: Answer<Rollouts>;
}

async function load(session: Parameters<typeof ask>[0], asked: URLSearchParams): Promise<Answer<Home>> {
  const api = apiFor(session);
  // Alone and first: the first call of a new shop exchanges tokens, which should happen once.
  const shop = await ask(session, api.GET("/api/shop"));
  if (!shop.ok) return shop;
  const [setup, model, results, rollouts] = await Promise.all([
    ask(session, api.GET("/api/setup")),
    ask(session, api.GET("/api/model")),
    ask(session, api.GET("/api/results", { params: { query: { days: daysIn(asked) } } })),
    ask(session, api.GET("/api/rollouts")),
  ]);
  if (!setup.ok) return setup;
  if (!model.ok) return model;
  return { ok: true, data: { shop: shop.data, setup: setup.data, model: model.data, results, rollouts } };
}

export async function loader({ context, request }: Route.LoaderArgs) {
  const answer = await load(context.get(sessionContext), new URL(request.url).searchParams);
  return data(answer, { status: answer.ok ? 200 : 503 });
}

export const clientLoader = ({ serverLoader }: Route.ClientLoaderArgs) => orProblem<Answer<Home>>(serverLoader);

export async function action({ context, request }: Route.ActionArgs) {
  return act(context.get(sessionContext), await request.formData());
}

export const clientAction = ({ serverAction }: Route.ClientActionArgs) => orProblem<ActionAnswer>(serverAction);

/** The admin shows it beside the app's name. */
export const meta: Route.MetaFunction = () => [{ title: "Home" }];

const isLive = (home: Home) => home.setup.steps.some((step) => step.state === "RUNNING") || isRunning(home.model.training);

export default function HomePage({ loaderData }: Route.ComponentProps) {
  const answer = loaderData as Answer<Home>;
  const { data: home, problem } = useLastGood(answer);
  const { revalidate, state } = useRevalidator();
  useLivePolling(answer, home ? isLive(home) : false);
  useBlockReport();
  if (!home) {
    if (!problem) return null;
    return <Unreachable page="Home" problem={problem} isTrying={state !== "idle"} onRetry={() => void revalidate()} />;
  }
  return (
    <s-page heading="Home">
      <div className="page-stack">
        {problem && <StaleBanner problem={problem} />}
        <Permissions shop={home.shop} />
        <Body home={home} />
      </div>
      <div slot="aside" className="page-stack">
        <ModelCard model={home.model} setup={home.setup} shop={home.shop} />
        <Missing missing={home.setup.missing} />
        <OlderOrders home={home} />
        <DataRequests timezone={home.shop.timezone} />
      </div>
    </s-page>
  );
}

/** The one that is under way, and what comes next: the first thing to know where there is one. */
function Rollout({ answer }: { answer: Answer<Rollouts> }) {
  const { data: known } = useLastGood(answer);
  const open = known && openRollout(known);
  if (!open) return null;
  return (
    <s-section heading={`Rollout ${open.number}: version ${open.candidate_number} against version ${open.champion_number}`}>
      <SummaryWords summary={open} />
    </s-section>
  );
}

function Body({ home: { setup, shop, results, rollouts } }: { home: Home }) {
  // Once shoppers see recommendations, a later import or training doesn't turn the page upside down again.
  const isComplete = setup.recommendations_live || isDone(setup);
  return (
    <>
      <Rollout answer={rollouts} />
      {isComplete && (
        <Part answer={results} heading="Revenue from recommendations">
          {(known) => <ResultsSections results={known} timezone={shop.timezone} />}
        </Part>
      )}
      {isDone(setup) ? <SetupLine setup={setup} /> : <SetupGuide setup={setup} />}
      <s-section heading="What Tailorbird learns from">
        <KeyNumbers counts={setup.counts} />
      </s-section>
    </>
  );
}

/** A set-up that is done is one line, which opens for who wants to look. A block that could be added besides stays in sight. */
function SetupLine({ setup }: { setup: Setup }) {
  return (
    <s-section accessibilityLabel="Set-up">
      <details>
        <summary>Everything is set up</summary>
        <Steps steps={setup.steps} actionsFor={() => null} />
      </details>
      <BlockButtons setup={setup} />
    </s-section>
  );
}

const isDone = (setup: Setup) => setup.steps.every((step) => step.state === "DONE");

function guideHeading(setup: Setup): string {
  return setup.recommendations_live ? "Keeping recommendations up to date" : "Set up Tailorbird";
}

function SetupGuide({ setup }: { setup: Setup }) {
  const training = useIntent("train", "/?index");
  const importing = useIntent("import", "/?index");
  const actionsFor = (step: SetupStep) => {
    if (step.id === "theme_block") return <BlockButtons setup={setup} />;
    if (step.state !== "FAILED") return null;
    if (step.id === "import_products" || step.id === "import_orders") {
      return <Retry label="Import again" button={importing} />;
    }
    // A training publishes its recommendations at its end, so it also mends a failed publication.
    return step.id === "train" || step.id === "publish" ? <Retry label="Train again" button={training} /> : null;
  };
  return (
    <s-section heading={guideHeading(setup)}>
      <ActionProblem heading="The import could not start" problem={importing.problem} />
      <ActionProblem heading="The training could not start" problem={training.problem} />
      <Steps steps={setup.steps} actionsFor={actionsFor} />
    </s-section>
  );
}

function Retry({ label, button }: { label: string; button: { run: () => void; isBusy: boolean } }) {
  return (
    <s-stack direction="inline" gap="small">
      <s-button loading={button.isBusy} onClick={button.run}>
        {label}
      </s-button>
    </s-stack>
  );
}

const BLOCK_LABELS: Record<Block["placement"], string> = { product: "Add to product pages", home: "Add to home page" };

/** One button a block that is not there, and the editor's address for one that is. It opens in a tab of its own: the set-up stays. */
function BlockButtons({ setup: { blocks, theme_editor_urls: urls } }: { setup: Setup }) {
  const missing = blocks.filter((block) => block.state !== "PLACED" && block.state !== "UNAVAILABLE");
  if (missing.length === 0) return null;
  return (
    <s-stack direction="inline" gap="small">
      {missing.map(({ placement }, index) => (
        <s-button key={placement} variant={index === 0 ? "primary" : "secondary"} href={urls[placement]} target="_blank">
          {BLOCK_LABELS[placement]}
        </s-button>
      ))}
    </s-stack>
  );
}

const SCOPE_WORDS: Record<string, string> = {
  read_products: "see your products",
  write_products: "save recommendations on your products",
  read_orders: "see your orders",
  read_customers: "tell which orders belong to the same customer",
  write_app_proxy: "answer your storefront",
  write_pixels: "learn what visitors who allow it look at",
  read_customer_events: "hear of what those visitors do",
  read_all_orders: "see orders older than 60 days",
  read_themes: "hear of a new theme",
};

function Permissions({ shop }: { shop: Shop }) {
  if (shop.needs_reauth) {
    return (
      <s-banner tone="warning" heading="Tailorbird's access to your shop is being renewed">
        <s-paragraph>
          Opening this page renews it by itself. Until then imports and new recommendation lists wait; new orders still arrive, and shoppers still see recommendations. If this stays for more than a
          minute, close the app and open it again.
        </s-paragraph>
      </s-banner>
    );
  }
  if (shop.missing_scopes.length === 0) return null;
  return (
    <s-banner tone="warning" heading="Tailorbird is missing a permission">
      <s-paragraph>It can't yet {shop.missing_scopes.map((scope) => SCOPE_WORDS[scope] ?? scope).join(", or ")}. Close and reopen the app to let Shopify ask you for it.</s-paragraph>
    </s-banner>
  );
}

function Missing({ missing }: { missing: readonly string[] }) {
  if (missing.length === 0) return null;
  return (
    <s-section heading="What is missing">
      <s-unordered-list>
        {missing.map((sentence) => (
          <s-list-item key={sentence}>{sentence}</s-list-item>
        ))}
      </s-unordered-list>
    </s-section>
  );
}

const ALL_ORDERS = "read_all_orders";

/** Shopify shows an app the orders of the last 60 days unless the merchant allows all of them. */
function OlderOrders({ home: { shop, setup } }: { home: Home }) {
  const importing = useIntent("import", "/?index");
  const hasImported = setup.steps.some((step) => step.id === "import_orders" && step.state === "DONE");
  if (shop.scopes.includes(ALL_ORDERS) || !hasImported) return null;
  const allow = async () => {
    try {
      if (await requestScope(ALL_ORDERS)) importing.run();
    } catch {
      showToast("Shopify could not ask for the permission. Please try again.");
    }
  };
  return (
    <s-section heading="Learn from older orders">
      <s-stack gap="small">
        <s-paragraph>Tailorbird sees the orders of the last 60 days. With your permission it learns from all of them, which makes better suggestions for customers who buy seldom.</s-paragraph>
        <ActionProblem heading="The import could not start" problem={importing.problem} />
        <s-button loading={importing.isBusy} onClick={() => void allow()}>
          Allow all orders
        </s-button>
      </s-stack>
    </s-section>
  );
}

function LiveBadge({ setup }: { setup: Setup }) {
  if (!setup.recommendations_live) return <s-badge tone="neutral">{lastSeen(setup) ? "Not live" : "Not live yet"}</s-badge>;
  return <s-badge tone="success">Live</s-badge>;
}

/** When a block was known to be there last that has not been seen since. */
function lastSeen({ blocks }: Setup): string | undefined {
  const lost = blocks.filter((block) => block.state === "NOT_SEEN");
  return lost.map((block) => block.seen_at ?? "").sort().at(-1);
}

function servingText(setup: Setup, timezone: string): string {
  const seenAt = lastSeen(setup);
  if (!setup.recommendations_live && seenAt) return `No block was seen on your storefront since ${formatMoment(seenAt, timezone)}.`;
  if (!setup.recommendations_live) return "Recommendations are not on your storefront yet.";
  if (setup.serving === "MODEL") return "Your storefront shows recommendations from your own model.";
  return "Your storefront shows popular and new products until your own model is ready.";
}

function ModelCard({ model, setup, shop }: { model: ModelState; setup: Setup; shop: Shop }) {
  const held = findHeld(model);
  return (
    <s-section heading="Recommendations">
      <s-stack gap="small">
        <s-stack direction="inline" gap="small" alignItems="center">
          <LiveBadge setup={setup} />
          {isRunning(model.training) && <s-badge tone="info">Training now</s-badge>}
        </s-stack>
        <s-paragraph>{servingText(setup, shop.timezone)}</s-paragraph>
        {model.current && <CurrentModel version={model.current} timezone={shop.timezone} />}
        {held && <s-paragraph>Version {held.number} is newer but not in use. The model page says why, and lets you use it anyway.</s-paragraph>}
        <s-link href="/model">{model.current ? "See how it was chosen" : "Go to the model page"}</s-link>
      </s-stack>
    </s-section>
  );
}

function CurrentModel({ version, timezone }: { version: ModelVersion; timezone: string }) {
  return (
    <dl className="facts">
      <dt>Model</dt>
      <dd>Version {version.number}</dd>
      <dt>Trained</dt>
      <dd>{formatMoment(version.created_at, timezone)}</dd>
    </dl>
  );
}
