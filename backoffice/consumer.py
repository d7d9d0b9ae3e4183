"""The workers' end of the broker's line: a worker outlives a broker that dies while it works.

When the broker is gone, Celery closes the channel of the tasks twice. With Redis the first time
ends at the read of an answer that never comes. The second time is after the channel has lost its
transport, and if a task is under way, whose message is to be put back, it looks for one: an
AttributeError that ends the worker (Celery 5.7, kombu 5.7).
"""

from celery.utils.threads import bound_open_broker_sockets
from celery.worker.consumer import consumer


class Consumer(consumer.Consumer):
    """Named in CELERY_WORKER_CONSUMER."""

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Closes the channel once before, so that the second time still finds the transport."""
        if self.task_consumer is not None:
            # As Celery does before it closes: from a line that is only silent no read returns.
            bound_open_broker_sockets(self.connection, consumer.COLLECT_SOCKET_TIMEOUT)
            self.connection.maybe_close_channel(self.task_consumer.channel)
        super().on_connection_error_after_connected(exc)
