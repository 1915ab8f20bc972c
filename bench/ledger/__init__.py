"""The figures of the two ledgers, the collector and the credits: `make bench-ledger`."""
