"""The session of botocore for an emulator: nothing of the user's configuration, and no choice of endpoints.

All clients of a process share it. The models of services are loaded once, and the tables of AWS's endpoints never.
`ops.embedded_session` is its like for the operator's commands, which do not import this room.
"""

import functools

from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.session import Session

from localcloud.emulator.sdk_models import model_loader


@functools.cache
def emulator_session() -> Session:
    """Return the session, in which no two threads may make clients at once."""
    # A variable is (name in the configuration file, name in the environment, default, conversion).
    defaults = {name: (None, None, *rest) for name, (_, _, *rest) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
    defaults |= dict.fromkeys(("config_file", "credentials_file"), (None, None, None, None))
    session = Session(session_vars=defaults)
    session.register_component("data_loader", model_loader())
    return session
