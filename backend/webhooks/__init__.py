"""What Shopify told us: an inbox that loses nothing and repeats nothing."""
