"""X-Ray in the embedded cloud: what is traced, the traces that are kept, and the API that reads them."""
