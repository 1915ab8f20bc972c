import type { ModelVersion } from "../api/types";
import { type Part, partsOf } from "../lib/blend";
import { formatPart } from "../lib/format";

/** From here on a part is wide enough to carry its figure. */
const ROOM_FOR_FIGURE = 0.12;

function Swatch({ index, part }: { index: number; part: Part }) {
  return (
    <li className="mix-part">
      <span className="mix-swatch" data-part={part.key === "rest" ? "rest" : index} />
      <span className="mix-name">{part.name}</span>
      <span className="mix-share">{formatPart(part.share)}</span>
    </li>
  );
}

/** What a version's blend listens to: one bar, and the same as a list. */
export function Mix({ version: { number, weights } }: { version: ModelVersion }) {
  const parts = partsOf(weights);
  if (parts.length < 2) return null;
  return (
    <div className="mix">
      <div className="mix-bar" aria-hidden="true">
        {parts.map((part, index) => (
          <span key={part.key} className="mix-piece" data-part={part.key === "rest" ? "rest" : index} style={{ flexGrow: part.share }}>
            {part.share >= ROOM_FOR_FIGURE && formatPart(part.share)}
          </span>
        ))}
      </div>
      <ul className="mix-parts" aria-label={`What version ${number} listens to`}>
        {parts.map((part, index) => (
          <Swatch key={part.key} index={index} part={part} />
        ))}
      </ul>
    </div>
  );
}
