"""The Celery tasks, a module for each queue: they join the stages. A task fetches, calls and saves; its arguments
are ids.

Messages are hints. What waits is in Redis, taken by one conditional step, so a message that is lost, late or doubled
changes nothing, and no task retries: `redrive` finds what nobody took.
"""
