"""What the embedded cloud observes of its own traffic: metrics, alarms and pages, and the AWS APIs that read them."""
