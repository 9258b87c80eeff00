"""The query language of CloudWatch Logs Insights: a grammar, and what a query returns of given lines."""
