"""From signals to alarms, boards, topics, objectives, saved queries and traces; `component` puts them together."""
