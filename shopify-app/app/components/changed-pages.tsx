import type { ChangedPage, Place, Shift } from "../api/types";
import { moveWords, pageName } from "../lib/changes";
import { formatPart, formatUnit } from "../lib/format";

function Item({ place, note }: { place: Place; note: string }) {
  return (
    <li className="change-item">
      <s-thumbnail src={place.product.image_url} alt="" size="small-200" />
      <span className="change-title">{place.product.title}</span>
      {note && <s-badge tone={note === "New" ? "success" : note === "Gone" ? "critical" : "neutral"}>{note}</s-badge>}
    </li>
  );
}

interface ListProps {
  heading: string;
  places: readonly Place[];
  noteOf: (place: Place) => string;
}

function List({ heading, places, noteOf }: ListProps) {
  return (
    <div>
      <s-text type="strong">{heading}</s-text>
      {places.length === 0 && <s-paragraph color="subdued">Nothing.</s-paragraph>}
      <ol className="change-list">
        {places.map((place) => (
          <Item key={place.product.product_id} place={place} note={noteOf(place)} />
        ))}
      </ol>
    </div>
  );
}

interface PageProps {
  page: ChangedPage;
  /** The numbers of the versions: in use, and new. */
  numbers: readonly [number, number];
}

/** One page under both versions, side by side. */
export function ChangedPageSection({ page, numbers: [inUse, newer] }: PageProps) {
  const isSame = page.champion.length === page.candidate.length && page.candidate.every(({ rises }) => rises === 0);
  return (
    <s-section heading={pageName(page)}>
      <s-paragraph color="subdued">{isSame ? "Nothing would change." : `${formatPart(page.overlap)} of the products stay.`}</s-paragraph>
      {!isSame && (
        <div className="sides">
          <List heading={`Version ${inUse}, in use`} places={page.champion} noteOf={({ rises }) => (rises === null ? "Gone" : "")} />
          <List heading={`Version ${newer}, the new one`} places={page.candidate} noteOf={moveWords} />
        </div>
      )}
    </s-section>
  );
}

/** The products that would stand on more lists, or on fewer. */
export function Shifts({ heading, shifts, word }: { heading: string; shifts: readonly Shift[]; word: "more" | "fewer" }) {
  if (shifts.length === 0) return null;
  return (
    <s-section heading={heading}>
      <ol className="change-list">
        {shifts.map(({ product, lists }) => (
          <li key={product.product_id} className="change-item">
            <s-thumbnail src={product.image_url} alt="" size="small-200" />
            <span className="change-title">{product.title}</span>
            <span className="tile-note">
              {formatUnit(lists, "lists")} {word}
            </span>
          </li>
        ))}
      </ol>
    </s-section>
  );
}
