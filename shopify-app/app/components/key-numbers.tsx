import type { Setup } from "../api/types";
import { formatCount } from "../lib/format";

export function Tile({ name, value, note }: { name: string; value: string; note?: string }) {
  return (
    <div className="tile">
      <dt>{name}</dt>
      <dd>
        <span className="tile-value">{value}</span>
        {note && <span className="tile-note">{note}</span>}
      </dd>
    </div>
  );
}

export function KeyNumbers({ counts }: { counts: Setup["counts"] }) {
  const guests = counts.guest_orders > 0 ? `${formatCount(counts.guest_orders)} by guests` : undefined;
  return (
    <dl className="tiles">
      <Tile name="Products" value={formatCount(counts.products)} />
      <Tile name="Orders" value={formatCount(counts.orders)} note={guests} />
      <Tile name="Purchases" value={formatCount(counts.order_lines)} note="order lines" />
      <Tile name="Customers" value={formatCount(counts.customers)} />
    </dl>
  );
}
