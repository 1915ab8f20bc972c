import { withOurPercent } from "../lib/format";

interface Props {
  advice: readonly string[];
}

/** What the shop's own traffic can tell of a new version, and by when. */
export function AdviceList({ advice }: Props) {
  if (advice.length === 0) return null;
  return (
    <s-unordered-list>
      {advice.map((sentence) => (
        <s-list-item key={sentence}>{withOurPercent(sentence)}</s-list-item>
      ))}
    </s-unordered-list>
  );
}

/** The same beside a page: said before anything starts. */
export function Advice({ advice }: Props) {
  if (advice.length === 0) return null;
  return (
    <s-section heading="What your traffic can tell">
      <AdviceList advice={advice} />
    </s-section>
  );
}
