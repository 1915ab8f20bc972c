import { useEffect, useRef } from "react";
import { isRouteErrorResponse, Links, Meta, Outlet, Scripts, useLocation, useNavigate, useNavigation, useRouteError, useRouteLoaderData } from "react-router";

import type { Route } from "./+types/root";
import styles from "./app.css?url";
import { ProblemPage } from "./components/problem";
import { showLoading } from "./lib/bridge";
import { createAuthMiddleware } from "./session/middleware.server";
import { settings } from "./settings.server";

export const middleware: Route.MiddlewareFunction[] = [createAuthMiddleware(settings)];

export const links: Route.LinksFunction = () => [
  { rel: "icon", href: "/favicon.svg", type: "image/svg+xml" },
  { rel: "stylesheet", href: styles },
];

export const meta: Route.MetaFunction = () => [{ title: "Tailorbird" }];

export function loader() {
  const { apiKey, appBridgeUrl, polarisUrl } = settings();
  return { apiKey, appBridgeUrl, polarisUrl };
}

/** These never change while a page is open. */
export const shouldRevalidate = () => false;

export function Layout({ children }: { children: React.ReactNode }) {
  const known = useRouteLoaderData<typeof loader>("root");
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        {known && (
          <>
            {/* App Bridge insists on being the first script, and on being loaded before the page goes on. */}
            <meta name="shopify-api-key" content={known.apiKey} />
            <script src={known.appBridgeUrl} />
            <script src={known.polarisUrl} />
          </>
        )}
        <Meta />
        <Links />
      </head>
      <body>
        {children}
        <Scripts />
      </body>
    </html>
  );
}

/** The link that was clicked, if it is one of ours within the app. */
function innerHref(event: Event): string | undefined {
  const link = event.composedPath().find((node) => node instanceof Element && /^(s-link|s-button)$/i.test(node.tagName));
  const href = link instanceof Element ? link.getAttribute("href") : null;
  return href?.startsWith("/") ? href : undefined;
}

/**
 * Turn clicks on `s-link`, `s-button` and the admin's own menu into client navigation.
 *
 * A plain navigation would load a document without a session token. Polaris and App Bridge announce theirs as
 * `shopify:navigate`; the click listener covers places where they don't, and both may fire for one click.
 */
function useInnerNavigation(): void {
  const navigate = useNavigate();
  const latest = useRef({ href: "", at: 0 });
  useEffect(() => {
    const follow = (event: Event) => {
      const href = innerHref(event);
      if (!href || (event instanceof MouseEvent && (event.metaKey || event.ctrlKey))) return;
      event.preventDefault();
      const isRepeat = latest.current.href === href && event.timeStamp - latest.current.at < 300;
      latest.current = { href, at: event.timeStamp };
      if (!isRepeat) void navigate(href);
    };
    document.addEventListener("shopify:navigate", follow);
    document.addEventListener("click", follow);
    return () => {
      document.removeEventListener("shopify:navigate", follow);
      document.removeEventListener("click", follow);
    };
  }, [navigate]);
}

/** Begin a new page at its top. React Router's own way keeps positions in the browser's storage, and we keep nothing. */
function useScrollToTop(): void {
  const { pathname } = useLocation();
  useEffect(() => {
    // In braces: newer browsers return a promise here, which React would take for a clean-up.
    window.scrollTo(0, 0);
  }, [pathname]);
}

export default function App() {
  const { state } = useNavigation();
  useInnerNavigation();
  useScrollToTop();
  useEffect(() => {
    showLoading(state !== "idle");
  }, [state]);
  return (
    <>
      <s-app-nav>
        <s-link href="/" {...{ rel: "home" }}>
          Home
        </s-link>
        <s-link href="/rollouts">Rollouts</s-link>
        <s-link href="/model">Model</s-link>
        <s-link href="/preview">Preview</s-link>
        <s-link href="/activity">Activity</s-link>
        <s-link href="/settings">Settings</s-link>
      </s-app-nav>
      <Outlet />
    </>
  );
}

export function ErrorBoundary() {
  const error = useRouteError();
  if (isRouteErrorResponse(error) && error.status === 404) {
    return <ProblemPage heading="This page doesn't exist" message="The address may be old or mistyped." isRetryable={false} />;
  }
  return (
    <ProblemPage
      heading="Something went wrong on our side"
      message="Your storefront is not affected: it keeps showing the recommendations that were published last. Please reload the page; if this comes back, contact Tailorbird support."
      isRetryable
    />
  );
}
