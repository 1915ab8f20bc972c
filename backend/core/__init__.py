"""What every app stands on: tenancy, errors, the queue, the API base. No domain."""
