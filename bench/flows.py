"""The flows themselves: a call that is only simulated, and who gets whom when very many wait.

A thousand agents and five hundred waiting calls are more than any company of this size has; the bare cost
they are held against is one look at every waiting call in plain Python.
"""

from __future__ import annotations

import time

from bench.result import Result, at_most
from carillon.flows.dispatch import Dispatcher
from carillon.flows.simulate import simulate
from carillon.flows.steps import Seek
from carillon.schema.plan import STRATEGIES
from tests.flows.chance import Chance

COURSES = 2000
AGENTS, WAITING = 1000, 500
TARGET_COURSE_MS = 1.0
TARGET_DECISION_MS = 5.0


def _courses() -> tuple[float, float]:
    """Return mean and 99th percentile of one simulated course, in milliseconds."""
    wanted = []
    for seed in range(COURSES):
        chance = Chance(seed)
        plan = chance.plan()
        wanted.append((plan, chance.scenario(plan)))
    took = []
    for plan, scenario in wanted:
        began = time.thread_time()
        simulate(plan, scenario)
        took.append(1000 * (time.thread_time() - began))
    took.sort()
    return sum(took) / len(took), took[int(0.99 * len(took))]


def _decisions(strategy: str) -> float:
    """Return the slowest decision, in milliseconds, while every agent becomes free once."""
    users = tuple(f"u{n}" for n in range(AGENTS))
    free: set[str] = set()
    line = Dispatcher(lambda user: float(hash(user) % 1000))
    slowest = 0.0
    for n in range(WAITING):
        began = time.thread_time()
        line.seek(str(n), Seek("team", users, strategy, n % 3, float(n)))
        line.offer(str(n), free.__contains__)
        slowest = max(slowest, time.thread_time() - began)
    for user in users:
        free.add(user)
        began = time.thread_time()
        offer = line.freed(user, free.__contains__)
        slowest = max(slowest, time.thread_time() - began)
        if offer is not None:
            free.difference_update(offer.users)
            began = time.thread_time()
            line.taken(offer.call, 1.0)
            slowest = max(slowest, time.thread_time() - began)
    return 1000 * slowest


def _bare() -> float:
    """Return what one look at every waiting call costs, in milliseconds."""
    waiting = {str(n): (n % 3, float(n)) for n in range(WAITING)}
    began = time.thread_time()
    min(waiting.values())
    return 1000 * (time.thread_time() - began)


def run() -> list[Result]:
    """Return the cost of a course and of a decision."""
    mean, late = _courses()
    bare = _bare()
    results = [
        Result(f"one look at {WAITING} waiting calls, bare Python", round(bare, 3), "ms"),
        at_most("one simulated course", round(mean, 3), "ms", TARGET_COURSE_MS),
        Result("one simulated course: p99", round(late, 3), "ms"),
    ]
    for strategy in STRATEGIES:
        slowest = round(_decisions(strategy), 3)
        name = f"who gets whom ({strategy}), {AGENTS} agents, {WAITING} waiting: slowest"
        results.append(at_most(name, slowest, "ms", TARGET_DECISION_MS))
    return results
