"""What the customers of one shop did, as every model reads it: columns, histories, cuts in time."""
