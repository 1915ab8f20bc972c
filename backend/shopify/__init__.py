"""Speaking to Shopify. No tables."""
