"""One thread: small tasks gain little from more, and on a busy machine lose a factor of ten."""

from __future__ import annotations

from contextlib import AbstractContextManager

__all__ = ["one_thread"]


def one_thread() -> AbstractContextManager[object]:
    """Return a context in which the pools of OpenMP have one thread, in which seeded results do not depend on the machine.

    Boosted trees synchronise their threads hundreds of times a second, and each waits for the one that the machine gave
    to somebody else: measured with another process beside it, two threads took 54 s for what one does in 3 s.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="openmp")
