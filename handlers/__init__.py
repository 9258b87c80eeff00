"""The code of both Lambda functions: one stores login events as one record per user, the other returns a record."""

# Stays the first import: it saves time only when it comes before the heavy modules.
from handlers import cold_start as cold_start
