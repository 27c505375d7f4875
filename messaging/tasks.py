"""Background jobs of messaging, run by the worker through Procrastinate."""

from procrastinate.contrib.django import app

from messaging import reconciliation, retention


@app.periodic(cron="17 * * * *")
@app.task(queueing_lock="retention", pass_context=False)
def forget(timestamp: int) -> None:
    """Each hour: drop what is kept for a time only."""
    retention.forget()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="reconciliation", pass_context=False)
def reconcile(timestamp: int) -> None:
    """Each minute: look for unknown messages at the provider."""
    reconciliation.reconcile()
