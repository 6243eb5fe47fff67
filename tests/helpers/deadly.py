"""Models in processes that die: for the processes of a cluster, which import this."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from beetle_lm.predict.batch.plan import Plan, Task
from beetle_lm.predict.batch.runner import load_models
from beetle_lm.predict.batch.source import Sources


def load(tasks: Sequence[Task], plan: Plan, deaths: Path, times: int, driver: int) -> Sources:
    """Loads models, but kills its process so many times; each leaves a file in a folder."""
    if os.getpid() != driver and len(list(deaths.iterdir())) < times:
        (deaths / str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return load_models(tasks, plan, "cpu", 1)
