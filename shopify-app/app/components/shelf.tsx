import type { Preview } from "../api/types";
import { formatAmount } from "../lib/format";

/** The recommended products in their order, each with its reason. */
export function Shelf({ items }: { items: Preview["items"] }) {
  if (items.length === 0) return null;
  return (
    <ol className="shelf">
      {items.map((item) => (
        <li key={item.product_id} className="shelf-item">
          <s-thumbnail src={item.image_url} alt="" size="small" />
          <div className="shelf-words">
            <s-text type="strong">
              {item.position}. {item.title}
            </s-text>
            <s-text>{formatAmount(item.price, item.currency)}</s-text>
            <s-text color="subdued">{item.why}</s-text>
            {!item.is_from_model && <s-text color="subdued">Fills a place that the live version left.</s-text>}
          </div>
        </li>
      ))}
    </ol>
  );
}
