"""Pure decisions of monitoring: statistics, and when a reason becomes a training."""
