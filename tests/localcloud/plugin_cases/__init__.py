"""For each type of the program: a resource, a change in place that boto3 sees, and a change that replaces it."""

from tests.localcloud.plugin_cases import api, data, functions, monitoring

CASES = [*data.CASES, *functions.CASES, *monitoring.CASES, *api.CASES]
