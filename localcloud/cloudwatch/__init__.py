"""CloudWatch alarms as CloudWatch documents them: what a recorded alarm would do, given the metrics. No I/O."""
