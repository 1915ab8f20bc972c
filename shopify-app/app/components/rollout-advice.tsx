import { withOurPercent } from "../lib/format";

/** What the shop's own traffic can tell of a new version, and by when: said before anything starts. */
export function Advice({ advice }: { advice: readonly string[] }) {
  if (advice.length === 0) return null;
  return (
    <s-section heading="What your traffic can tell">
      <s-unordered-list>
        {advice.map((sentence) => (
          <s-list-item key={sentence}>{withOurPercent(sentence)}</s-list-item>
        ))}
      </s-unordered-list>
    </s-section>
  );
}
