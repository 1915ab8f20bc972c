"""What the shop sold: products, collections and orders as we know them."""
