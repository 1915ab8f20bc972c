import { type FormEvent, type RefCallback, useEffect, useRef, useState } from "react";
import { useNavigation, useSearchParams } from "react-router";

import type { Problem } from "../api/client.server";
import type { FoundProduct } from "../api/types";
import { formatUnit } from "../lib/format";
import { addressOf, type Asked, askedIn, besideIn, findProducts } from "../lib/preview";

/** Long enough to type a word, short enough to feel immediate. */
const PAUSE_MS = 250;

/** The products that match what is typed, a moment after the last letter; undefined before the first search. */
function useFoundProducts(words: string): { found: FoundProduct[] | undefined; isLost: boolean } {
  const [found, setFound] = useState<FoundProduct[]>();
  const [isLost, setLost] = useState(false);
  useEffect(() => {
    const asking = new AbortController();
    const search = async () => {
      try {
        setFound(words.trim() ? await findProducts(words.trim(), asking.signal) : undefined);
        setLost(false);
      } catch {
        if (!asking.signal.aborted) setLost(true);
      }
    };
    const timer = setTimeout(() => void search(), PAUSE_MS);
    return () => {
      clearTimeout(timer);
      asking.abort();
    };
  }, [words]);
  return { found, isLost };
}

/** A choice takes what was pressed away, and the focus with it: then it goes to what came in its place. */
function useFocusAfterChoice(chosen: FoundProduct | null): RefCallback<HTMLElement> {
  const place = useRef<HTMLElement | null>(null);
  const before = useRef(chosen);
  useEffect(() => {
    if (before.current === chosen) return;
    before.current = chosen;
    place.current?.focus();
  }, [chosen]);
  return (element) => {
    place.current = element;
  };
}

/** What a screen reader says of a search, whose answer comes by itself a moment after the last letter. */
function searchWords(found: FoundProduct[] | undefined, isLost: boolean): string {
  if (isLost) return "The search doesn't answer just now.";
  if (!found) return "";
  return found.length === 0 ? "No product found." : `${formatUnit(found.length, "products")} found.`;
}

interface PickerProps {
  chosen: FoundProduct | null;
  onChoose: (product: FoundProduct | null) => void;
  error: string | undefined;
}

function ProductPicker({ chosen, onChoose, error }: PickerProps) {
  const [words, setWords] = useState("");
  const { found, isLost } = useFoundProducts(words);
  const place = useFocusAfterChoice(chosen);
  if (chosen) {
    return (
      <s-stack direction="inline" gap="small" alignItems="center">
        <s-text>
          On the page of <strong>{chosen.title}</strong>
        </s-text>
        <s-button ref={place} variant="tertiary" accessibilityLabel={`Change the product, now ${chosen.title}`} onClick={() => onChoose(null)}>
          Change
        </s-button>
      </s-stack>
    );
  }
  return (
    <div>
      <s-search-field ref={place} label="Product" placeholder="Search by title: empty for the home page" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
      {error && <s-text tone="critical">{error}</s-text>}
      <p className="visually-hidden" role="status">
        {searchWords(found, isLost)}
      </p>
      {isLost && <s-text color="subdued">The search doesn't answer just now.</s-text>}
      {found?.length === 0 && <s-text color="subdued">No product of this name.</s-text>}
      <ul className="found">
        {found?.map((product) => (
          <li key={product.product_id}>
            <s-button variant="tertiary" onClick={() => onChoose(product)}>
              {product.title}
              {!product.is_available && " (can't be bought now)"}
            </s-button>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface FormProps {
  product: FoundProduct | null;
  problem: Problem | undefined;
}

/** For which page and which customer. The address holds the answer, so that a preview can be gone back to and sent on. */
export function PreviewForm({ product, problem }: FormProps) {
  const [query, setQuery] = useSearchParams();
  const { state } = useNavigation();
  const [chosen, setChosen] = useState(product);
  const [asked, setAsked] = useState<Asked>(askedIn(query));
  const errorOf = (field: keyof Asked) => (problem?.field === field ? problem.message : undefined);
  const show = (event: FormEvent) => {
    event.preventDefault();
    setQuery(addressOf({ ...asked, product: chosen ? String(chosen.product_id) : "" }, besideIn(query)), { preventScrollReset: true });
  };
  return (
    <form onSubmit={show}>
      <s-stack gap="base">
        <ProductPicker chosen={chosen} onChoose={setChosen} error={errorOf("product")} />
        <div className="filters">
          <s-text-field
            label="Order number"
            details="For the customer of this order, for example #1001."
            value={asked.order}
            error={errorOf("order")}
            onInput={(event) => setAsked({ ...asked, order: event.currentTarget.value })}
          />
          <s-text-field
            label="Customer number"
            details="Shopify's own, at the end of the customer's address in your admin."
            value={asked.customer}
            error={errorOf("customer")}
            onInput={(event) => setAsked({ ...asked, customer: event.currentTarget.value })}
          />
        </div>
        <s-stack direction="inline" gap="small">
          <s-button variant="primary" type="submit" loading={state !== "idle"}>
            Show
          </s-button>
        </s-stack>
      </s-stack>
    </form>
  );
}
