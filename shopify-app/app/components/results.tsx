import { Link, useSearchParams } from "react-router";

import type { Results } from "../api/types";
import { formatAmount, formatCount, formatDate, formatPart, formatUnit } from "../lib/format";
import { clicksNote, daysIn, emptyWords, incrementalFigure, incrementalWords, notMeasuredWords, PERIODS, periodWords } from "../lib/results";
import { Tile } from "./key-numbers";

interface Props {
  results: Results;
  timezone: string;
}

/** What recommendations earned: the first that a merchant wants to know. */
export function ResultsSections(props: Props) {
  const { results } = props;
  return (
    <>
      <s-section heading="Revenue from recommendations">
        <s-stack gap="base">
          <Periods />
          <Figures {...props} />
          <HowCounted results={results} />
        </s-stack>
      </s-section>
      {results.top_products.length > 0 && (
        <s-section heading="What recommendations sold most">
          <TopProducts results={results} />
        </s-section>
      )}
      {results.coverage.orders > 0 && (
        <s-section heading="How much of this is known">
          <Coverage results={results} />
        </s-section>
      )}
    </>
  );
}

function Periods() {
  const [query] = useSearchParams();
  const chosen = daysIn(query);
  return (
    <nav className="tabs" aria-label="Time of the results">
      {PERIODS.map((days) => (
        <Link key={days} to={`/?days=${days}`} preventScrollReset aria-current={days === chosen ? "page" : undefined}>
          {days} days
        </Link>
      ))}
    </nav>
  );
}

function Figures({ results, timezone }: Props) {
  const { currencies, counts, incremental, currency } = results;
  const empty = emptyWords(results);
  const figure = incremental && incrementalFigure(incremental, currency);
  return (
    <>
      <s-text color="subdued">
        {formatDate(results.since, timezone)} to {formatDate(results.until, timezone)}, today included, on your shop's own clock
      </s-text>
      {empty && <s-paragraph>{empty}</s-paragraph>}
      <dl className="tiles">
        {!empty &&
          currencies.map(({ currency: code, direct }) => (
            <Tile key={code} name="Orders that came from a click" value={formatAmount(direct.revenue, code)} note={`${formatUnit(direct.orders, "orders")}, ${formatUnit(direct.lines, "products")}`} />
          ))}
        {incremental && <Tile name="Added by recommendations" value={figure ?? "Not known yet"} note={`since ${formatDate(incremental.since, timezone)}, when the holdout was last changed`} />}
        {counts && <Tile name="Clicks" value={formatCount(counts.clicks)} note={clicksNote(counts)} />}
        {counts && <Tile name="Put into a cart" value={formatCount(counts.adds)} note="straight from a recommendation" />}
      </dl>
      {incremental && <s-paragraph>{incrementalWords(incremental, currency)}</s-paragraph>}
      {!counts && <s-paragraph color="subdued">{notMeasuredWords(results)}</s-paragraph>}
      <ViewThrough results={results} />
    </>
  );
}

/** Never added to what clicks brought: it may well be chance that they saw it. */
function ViewThrough({ results: { currencies, view_hours: hours } }: { results: Results }) {
  const seen = currencies.filter(({ view_through: earned }) => earned.orders > 0);
  if (seen.length === 0) return null;
  return (
    <>
      {seen.map(({ currency, view_through: earned }) => (
        <s-paragraph key={currency} color="subdued">
          Not counted above: {formatAmount(earned.revenue, currency)} from {formatUnit(earned.orders, "orders")} of shoppers who saw the product recommended within {hours} hours before, and did not click.
        </s-paragraph>
      ))}
    </>
  );
}

function HowCounted({ results: { currencies, click_days: days, incremental } }: { results: Results }) {
  const back = currencies.filter(({ direct }) => Number(direct.reversed) > 0);
  return (
    <details>
      <summary>How this is counted</summary>
      <s-paragraph>
        A product counts if the shopper clicked on its recommendation, or put it into the cart from there, within {days} days before the order. The last click wins, and each product counts once. Amounts are what was paid for it after
        discounts, in the currency of your shop; refunds and cancelled orders are taken off.
      </s-paragraph>
      {back.map(({ currency, direct }) => (
        <s-paragraph key={currency}>Taken off in this time: {formatAmount(direct.reversed, currency)}.</s-paragraph>
      ))}
      {!incremental && (
        <s-paragraph>
          Some of these shoppers would have bought the product anyway. How much recommendations really add can be measured: turn on a holdout on the <s-link href="/settings">settings page</s-link>.
        </s-paragraph>
      )}
    </details>
  );
}

function TopProducts({ results: { top_products: products, days } }: { results: Results }) {
  const caption = `Products that recommendations sold most in ${periodWords(days)}`;
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={caption}>
      <table className="numbers numbers-wide">
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Product</th>
            <th scope="col">Sold</th>
            <th scope="col">Orders</th>
            <th scope="col">Revenue</th>
          </tr>
        </thead>
        <tbody>
          {products.map((product) => (
            <tr key={`${product.product_id} ${product.currency}`}>
              <th scope="row">{product.title}</th>
              <td>{formatCount(product.quantity)}</td>
              <td>{formatCount(product.orders)}</td>
              <td>{formatAmount(product.revenue, product.currency)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Coverage({ results: { coverage, days } }: { results: Results }) {
  const { orders, joined, reasons } = coverage;
  return (
    <s-stack gap="small">
      <s-paragraph>
        {formatUnit(orders, "orders")} of {periodWords(days)} hold a product that was recommended. Of {formatCount(joined)} ({formatPart(joined / orders)}) it is known what the shopper did before.
      </s-paragraph>
      {reasons.length > 0 && (
        <>
          <s-paragraph color="subdued">Why the others can't be told:</s-paragraph>
          <ul className="reasons">
            {reasons.map(({ words, orders: count }) => (
              <li key={words}>
                <span className="reasons-count">{formatCount(count)}</span>
                <span>{words}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </s-stack>
  );
}
