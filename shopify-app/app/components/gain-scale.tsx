import { formatGain } from "../lib/format";
import type { Measured } from "../lib/gates";

/** Room beside the outermost mark, as a share of the scale. */
const MARGIN = 0.12;

/** Where a version's measured gain lies beside zero and what was asked of it. The words beside it say the same. */
export function GainScale({ measured: { gain, low, high, bar, asked } }: { measured: Measured }) {
  const least = Math.min(low, bar, 0);
  const most = Math.max(high, bar, 0);
  const room = (most - least || 1) * MARGIN;
  const place = (value: number) => `${(((value - least + room) / (most - least + 2 * room)) * 100).toFixed(2)}%`;
  const width = `${(((high - low) / (most - least + 2 * room)) * 100).toFixed(2)}%`;
  return (
    <div className="scale" aria-hidden="true" data-cleared={low >= bar}>
      <span className="scale-mark scale-bar" style={{ insetInlineStart: place(bar) }}>
        <span className="scale-label">{asked} {formatGain(bar)}</span>
      </span>
      {bar !== 0 && (
        <span className="scale-mark scale-zero" style={{ insetInlineStart: place(0) }}>
          <span className="scale-label">no change</span>
        </span>
      )}
      <span className="scale-range" style={{ insetInlineStart: place(low), inlineSize: width }} />
      <span className="scale-dot" style={{ insetInlineStart: place(gain) }} />
    </div>
  );
}
