import { useEffect, useState } from "react";

import type { DataRequest } from "../api/types";
import { showToast } from "../lib/bridge";
import { downloadDataFile, findDataRequests } from "../lib/data-requests";
import { formatDate, formatUnit } from "../lib/format";

/** Customers who asked what is stored about them, and the file that answers each. Nothing while nobody asked. */
export function DataRequests({ timezone }: { timezone: string }) {
  const [requests, setRequests] = useState<DataRequest[]>([]);
  const [isUnread, setUnread] = useState(false);
  const read = async () => {
    try {
      setRequests(await findDataRequests());
      setUnread(false);
    } catch {
      setUnread(true);
    }
  };
  useEffect(() => void read(), []);
  if (isUnread) {
    return (
      <s-banner tone="info" heading="Customers' data requests can't be shown just now">
        <s-paragraph>Nothing is lost. Open this page again in a few minutes.</s-paragraph>
      </s-banner>
    );
  }
  if (requests.length === 0) return null;
  return (
    <s-section heading="Customers' data requests">
      <s-stack gap="base">
        {requests.some((request) => request.is_overdue) && (
          <s-banner tone="critical" heading="A customer is waiting for an answer that is overdue">
            <s-paragraph>Please send the file of each request marked “Overdue” today.</s-paragraph>
          </s-banner>
        )}
        <s-paragraph>These customers asked what is stored about them. Download the file and send it to them; Shopify names them in your admin.</s-paragraph>
        <ul className="requests">
          {requests.map((request) => (
            <Request key={request.id} request={request} timezone={timezone} onDownloaded={() => void read()} />
          ))}
        </ul>
      </s-stack>
    </s-section>
  );
}

interface RequestProps {
  request: DataRequest;
  timezone: string;
  onDownloaded: () => void;
}

function Request({ request, timezone, onDownloaded }: RequestProps) {
  const [isBusy, setBusy] = useState(false);
  const download = async () => {
    setBusy(true);
    try {
      await downloadDataFile(request.id);
      onDownloaded();
    } catch {
      showToast("The file could not be downloaded. Please try again.");
    } finally {
      setBusy(false);
    }
  };
  const name = `Request ${request.shopify_id ?? "without a number"}`;
  return (
    <li className="request">
      <div className="step-head">
        <s-text type="strong">{name}</s-text>
        {request.is_overdue && <s-badge tone="critical">Overdue</s-badge>}
      </div>
      <s-text>
        {formatUnit(request.orders, "orders")}, {formatUnit(request.decisions, "recommendations")} shown
      </s-text>
      <s-text color="subdued">
        {request.downloaded_at ? `Downloaded on ${formatDate(request.downloaded_at, timezone)}` : `Answer by ${formatDate(request.due_at, timezone)}`}
      </s-text>
      <s-stack direction="inline">
        <s-button loading={isBusy} accessibilityLabel={`Download the file: ${name}`} onClick={() => void download()}>
          Download the file
        </s-button>
      </s-stack>
    </li>
  );
}
