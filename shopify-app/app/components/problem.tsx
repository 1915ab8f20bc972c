import type { Problem } from "../api/client.server";

interface ProblemPageProps {
  heading: string;
  message: string;
  isRetryable: boolean;
}

/** The whole page when there is nothing else to show. */
export function ProblemPage({ heading, message, isRetryable }: ProblemPageProps) {
  return (
    <s-page heading="Tailorbird">
      <s-section>
        <div className="notice">
          <s-icon type="alert-circle" tone="warning" />
          <s-heading>{heading}</s-heading>
          <s-paragraph color="subdued">{message}</s-paragraph>
          <s-stack direction="inline" gap="small" justifyContent="center">
            {isRetryable && (
              <s-button variant="primary" onClick={() => window.location.reload()}>
                Try again
              </s-button>
            )}
            <s-button href="/">Go to home</s-button>
          </s-stack>
        </div>
      </s-section>
    </s-page>
  );
}

interface UnreachableProps {
  page: string;
  problem: Problem;
  isTrying: boolean;
  onRetry: () => void;
}

/** A page whose first data did not arrive. It keeps trying by itself. */
export function Unreachable({ page, problem, isTrying, onRetry }: UnreachableProps) {
  return (
    <s-page heading={page}>
      <s-section>
        <div className="notice" role="alert">
          <s-icon type="alert-circle" tone="warning" />
          <s-heading>{problem.isTemporary ? "We can't show this page right now" : "This page can't be shown"}</s-heading>
          <s-paragraph color="subdued">{problem.message}</s-paragraph>
          {problem.isTemporary && <s-paragraph color="subdued">We keep trying by ourselves; nothing is lost.</s-paragraph>}
          <s-button variant="primary" loading={isTrying} onClick={onRetry}>
            Try now
          </s-button>
        </div>
      </s-section>
    </s-page>
  );
}

/** Said above older data while newer requests fail. */
export function StaleBanner({ problem }: { problem: Problem }) {
  return (
    <s-banner tone="warning" heading="This page may be a little old">
      <s-paragraph>{problem.message}</s-paragraph>
    </s-banner>
  );
}

/** An action that did not work, said in the place where it was started. */
export function ActionProblem({ heading, problem }: { heading: string; problem: Problem | undefined }) {
  if (!problem) return null;
  return (
    <div role="alert">
      <s-banner tone="critical" heading={heading}>
        <s-paragraph>{problem.message}</s-paragraph>
      </s-banner>
    </div>
  );
}
